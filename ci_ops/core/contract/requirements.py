"""The declared dependencies of a project: pyproject.toml and requirements files."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ci_ops.core.contract.requirement_files import read_requirement_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*"
    r"(?P<rest>@[^;]*|[^;@]*)(?P<marker>;.*)?"
)
_PINNED = re.compile(r"={2,3}\s*[^*,\s]+")
_DIRECT = re.compile(r"[\w+.-]+://|\.{0,2}/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependency:
    """One requirement as written."""

    name: str
    """Normalised: lower-case, dashes."""
    specifier: str = ""
    """Such as `>=2,<3`; empty for any version, and for forms that are not compared."""
    is_conditional: bool = False
    """True when it has a marker, so that it may rightly be missing elsewhere."""
    is_pinned: bool = False
    """True when there is exactly one version, or a direct reference."""
    text: str = ""
    """The requirement as it is written; empty for Poetry's tables."""
    poetry: tuple[str, ...] = ()
    """The alternatives of Poetry's own constraints, such as `^2.1`."""
    group: str = ""
    """Extra or dependency group; empty for what is always needed."""
    file: str = ""
    line: int = 1


def normal(name: str) -> str:
    """Return the normalized name of a distribution. Source: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_requirement(text: str, *, group: str = "", file: str = "", line: int = 1) -> Dependency | None:
    """Return the parsed requirement; None when the text is none."""
    match = _REQUIREMENT.fullmatch(text)
    if match is None:
        return None
    rest = match["rest"].strip()
    is_direct = rest.startswith("@")
    return Dependency(
        name=normal(match["name"]),
        specifier="" if is_direct else rest,
        is_conditional=match["marker"] is not None,
        is_pinned=is_direct or _PINNED.fullmatch(rest) is not None,
        text=text,
        group=group,
        file=file,
        line=line,
    )


def in_pyproject(document: Mapping[str, Any], text: str) -> Iterator[Dependency]:
    """Yield every dependency of a pyproject.toml: standard tables, Poetry, PDM and uv."""
    project = _table(document, "project")
    own = normal(str(project.get("name", "")))
    for group, entries in _listed(document):
        for entry in entries if isinstance(entries, list) else []:
            found = read_requirement(entry, group=group) if isinstance(entry, str) else None
            if found is not None and found.name != own:
                yield _with_line(found, text)
    for group, table in _poetry_tables(document):
        for name, wish in table.items():
            if normal(name) != "python":
                wishes = wish if isinstance(wish, list) else [wish]
                found = Dependency(
                    name=normal(name),
                    group=group,
                    is_conditional=any(map(_is_conditional, wishes)),
                    poetry=tuple(filter(None, map(_constraint, wishes))),
                )
                yield _with_line(found, text)


def _is_conditional(wish: Any) -> bool:
    return isinstance(wish, dict) and bool(wish.get("optional") or wish.get("markers"))


def _constraint(wish: Any) -> str:
    version = wish.get("version") if isinstance(wish, dict) else wish
    return version if isinstance(version, str) else ""


def _listed(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    project, tool = _table(document, "project"), _table(document, "tool")
    yield "", project.get("dependencies")
    yield from _table(project, "optional-dependencies").items()
    yield from _table(document, "dependency-groups").items()
    yield from _table(_table(tool, "pdm"), "dev-dependencies").items()
    yield "dev", _table(tool, "uv").get("dev-dependencies")


def _poetry_tables(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    poetry = _table(_table(document, "tool"), "poetry")
    yield "", _table(poetry, "dependencies")
    yield "dev", _table(poetry, "dev-dependencies")
    for group, table in _table(poetry, "group").items():
        yield group, _table(table if isinstance(table, dict) else {}, "dependencies")


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _with_line(found: Dependency, text: str) -> Dependency:
    spelt = re.escape(found.name).replace(r"\-", "[-_.]+")
    pattern = re.compile(rf"(?<![\w.-]){spelt}(?![\w-])", re.IGNORECASE)
    lines = text.splitlines()
    line = next((number for number, each in enumerate(lines, start=1) if pattern.search(each)), 1)
    return replace(found, file="pyproject.toml", line=line)


def in_requirements(path: Path, root: Path) -> Iterator[Dependency]:
    """Yield every requirement of a requirements file and of its includes within the project.

    Raises OSError or ValueError when one of them cannot be read.
    """
    found = read_requirement_files(path, root)
    for gap in found.gaps:
        if gap.kind == "missing" and not gap.is_constraint:
            raise FileNotFoundError(f"{gap.file}:{gap.line} includes a file that cannot be read")
    for line in found.lines:
        if line.is_constraint or line.is_editable:
            continue
        if _DIRECT.match(line.text):
            # Not shown and not compared: such an address may have a token in it.
            yield Dependency(
                name="a direct reference",
                is_pinned=True,
                is_conditional=True,
                file=line.file,
                line=line.line,
            )
        elif requirement := read_requirement(line.text, file=line.file, line=line.line):
            yield requirement
