"""The field types a plugin's configuration may use in addition to the built-in ones."""

from __future__ import annotations

from typing import Annotated

from ci_ops.core.text.secret import Secret

__all__ = ["Duration", "Secret", "Shell"]


class DurationMark:
    """Marks a float of seconds that users write as `500ms`, `2m` or seconds."""


class ShellMark:
    """Marks a command line whose `${NAME}` the shell expands, not the configuration."""


Duration = Annotated[float, DurationMark]
"""Seconds. Written as `500ms`, `30s`, `2m`, `1h30m` or a number of seconds."""

Shell = Annotated[str, ShellMark]
"""A command for the shell, which stops at the first failing line.

It expands variables from the step's own environment.
"""
