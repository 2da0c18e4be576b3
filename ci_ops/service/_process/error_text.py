"""What an error says, where saying it may fail as well."""

from __future__ import annotations


def said(error: BaseException) -> str:
    """The text of an error; empty when it has none or cannot tell it."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the error that is told of matters, not the one in telling it
        return ""


def named(error: BaseException) -> str:
    """The kind of an error and what it says."""
    kind, text = type(error).__name__, said(error)
    return f"{kind}: {text}" if text else kind
