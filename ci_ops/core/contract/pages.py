"""A contract as an example `.env` file, and as a table for the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.core.text.lines import one_line

if TYPE_CHECKING:
    from ci_ops.core.contract.variables import Contract, Variable


def dotenv_text(contract: Contract) -> str:
    """Return the text of `.env.example`: required variables without a value, all others commented out."""
    return "\n".join(_dotenv_entry(each) for each in contract.variables)


def markdown_text(contract: Contract) -> str:
    """Return a Markdown table with a row for each variable."""
    lines = ["| variable | value | default | what for |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(map(_cell, _row(each)))} |" for each in contract.variables]
    return "\n".join(lines) + "\n"


def _dotenv_entry(variable: Variable) -> str:
    form = f"Secret: {variable.expected}." if variable.secret else _sentence(variable.expected)
    words = [_sentence(variable.description), form]
    words += [f"Else {' or '.join(variable.fallbacks)} is read."] if variable.fallbacks else []
    words += [f"For example {variable.example}"] if variable.example else []
    comment = " ".join(one_line(each) for each in words if each)
    if variable.must_be_set:
        return f"# {comment}\n{variable.name}=\n"
    return f"# {comment}\n# {variable.name}={one_line(variable.default or '')}\n"


def _row(variable: Variable) -> tuple[str, str, str, str]:
    names = "`" + "`, else `".join(variable.names) + "`"
    default = "" if variable.default is None else f"`{variable.default}`"
    return (
        names + (" (secret)" if variable.secret else ""),
        variable.expected,
        "**required**" if variable.must_be_set else default,
        variable.description,
    )


def _sentence(text: str) -> str:
    return text and text[0].upper() + text[1:].rstrip(".") + "."


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|").replace("<", "&lt;")
