"""Jinja templates, sandboxed and strict."""

from __future__ import annotations

from typing import Any, Protocol


class Templates(Protocol):
    """Jinja templates from `templates/`.

    Sandboxed, undefined names are errors.
    """

    def render(self, name: str, /, **context: Any) -> str:
        """The named template, filled in.

        A name is a path such as `summaries/report.md.j2`.
        """
        ...

    def source(self, name: str, /) -> str:
        """A file under `templates/` as it is, such as `workflows/deploy.yml`."""
        ...
