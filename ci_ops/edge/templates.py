"""Jinja templates: sandboxed, with undefined names as errors."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import FunctionLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

import ci_ops
from ci_ops.core.errors import CiOpsError
from ci_ops.edge.escape import FILTERS
from ci_ops.edge.template_cache import TemplateCache

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def templates_root() -> Traversable:
    """Return `templates/` in the installed package, else beside it in a checkout."""
    inside = files("ci_ops") / "templates"
    assert ci_ops.__file__ is not None
    return inside if inside.is_dir() else Path(ci_ops.__file__).parents[1] / "templates"


class JinjaTemplates:
    """The Templates port.

    Safe to share between threads; each template is compiled once, and its bytecode is kept for the next process.

    Nothing is escaped by itself: a message is plain text, and Markdown is not
    HTML. Whatever comes from outside goes through one of the filters `md`,
    `cell`, `code` or `mermaid`.
    """

    def __init__(self, root: Traversable | None = None) -> None:
        self._root = templates_root() if root is None else root
        self._jinja = ImmutableSandboxedEnvironment(
            loader=FunctionLoader(self._source),
            undefined=StrictUndefined,
            autoescape=False,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            bytecode_cache=TemplateCache(self._root) if isinstance(self._root, Path) else None,
        )
        self._jinja.filters.update(FILTERS)

    def render(self, name: str, /, **context: Any) -> str:
        """Return the rendered template. Raises CiOpsError (a bug) when it is missing or wrong."""
        try:
            return self._jinja.get_template(name).render(context)
        except TemplateError as error:
            raise CiOpsError(
                f"the template cannot be used: {error}", reason="bug", where=f"templates/{name}"
            ) from error

    def source(self, name: str, /) -> str:
        """Return the unrendered file. Raises CiOpsError (a bug) when it is missing."""
        text = self._source(name)
        if text is None:
            raise CiOpsError("the file is missing", reason="bug", where=f"templates/{name}")
        return text

    def _source(self, name: str) -> str | None:
        parts = name.split("/")
        if any(part in {"", ".", ".."} or "\\" in part or ":" in part for part in parts):
            return None
        file = self._root.joinpath(*parts)
        return file.read_text("utf-8") if file.is_file() else None
