"""Text of an error, whose `__str__` may fail as well."""

from __future__ import annotations


def text_of_error(error: BaseException) -> str:
    """Return the text of an error; empty when it has none or raises."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the error that is told of matters, not the one in telling it
        return ""


def describe_error(error: BaseException) -> str:
    """Return the type of an error and its text."""
    kind, text = type(error).__name__, text_of_error(error)
    return f"{kind}: {text}" if text else kind
