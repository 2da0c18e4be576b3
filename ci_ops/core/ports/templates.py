"""The port of Jinja templates, sandboxed and strict."""

from __future__ import annotations

from typing import Any, Protocol


class Templates(Protocol):
    """Sandboxed Jinja templates from `templates/`; undefined names are errors."""

    def render(self, name: str, /, **context: Any) -> str:
        """Return the rendered template; its name is a path such as `summaries/report.md.j2`."""
        ...

    def source(self, name: str, /) -> str:
        """Return a file under `templates/` unrendered, such as `workflows/deploy.yml`."""
        ...
