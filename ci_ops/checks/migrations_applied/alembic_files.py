"""The revisions of a release, read from Alembic's scripts without running them."""

from __future__ import annotations

import configparser
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.checks.migrations_applied.source import assigned, literal, read_python, read_text

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = frozenset({"revision", "down_revision", "depends_on"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Revisions:
    """Every revision of the code with those below it."""

    parents: dict[str, tuple[str, ...]]
    """Revision → the revisions below it and those it depends on."""
    heads: frozenset[str]


def read_revisions(root: Path, scripts: str = "") -> Revisions | None:
    """Return the revisions of the project; None where it has no scripts of Alembic.

    `scripts` is the folder of the scripts, below the root; else alembic.ini or
    pyproject.toml names it. Raises ValueError for a file that cannot be read.
    """
    folders = [root / scripts / "versions"] if scripts else _folders(root)
    if not folders:
        return None
    below: set[str] = set()
    parents: dict[str, tuple[str, ...]] = {}
    for folder in folders:
        _check_inside(root, folder)
        for file in sorted(folder.rglob("*.py")):
            found = _read(file, root)
            revision = found.get("revision")
            if isinstance(revision, str):
                down = _names(found.get("down_revision"))
                below.update(down)
                parents[revision] = (*down, *_names(found.get("depends_on")))
    if not parents:
        raise ValueError(f"no revision stands in {', '.join(_shown(root, each) for each in folders)}")
    full = {each: tuple(_full(name, parents) for name in names) for each, names in parents.items()}
    return Revisions(parents=full, heads=frozenset(parents.keys() - {_full(name, parents) for name in below}))


def _folders(root: Path) -> list[Path]:
    """Return the folders of versions that the project's configuration names."""
    settings = _settings(root)
    location = settings.get("script_location", "")
    if not location:
        return []
    separators = {"os": ":", "space": None, "newline": "\n", ":": ":", ";": ";"}
    separator = separators.get(str(settings.get("path_separator", "space")))
    places = settings.get("version_locations", "")
    named = places if isinstance(places, list) else str(places).split(separator)
    return [_place(root, each.strip()) for each in named if each.strip()] or [
        _place(root, location) / "versions"
    ]


def _settings(root: Path) -> dict[str, Any]:
    ini, project = root / "alembic.ini", root / "pyproject.toml"
    try:
        if ini.is_file():
            parser = configparser.ConfigParser(interpolation=None)
            parser.read_string(read_text(ini, ini.name))
            return dict(parser["alembic"]) if parser.has_section("alembic") else {}
        if project.is_file():
            return dict(tomllib.loads(read_text(project, project.name)).get("tool", {}).get("alembic", {}))
    except (configparser.Error, tomllib.TOMLDecodeError):
        raise ValueError(f"{(ini if ini.is_file() else project).name} cannot be read") from None
    return {}


def _place(root: Path, written: str) -> Path:
    """Return the folder that `%(here)s/migrations`, `migrations` or `shop:migrations` means."""
    package, colon, rest = written.partition(":")
    if colon and "/" not in package:
        return root.joinpath(*package.split("."), rest)
    return root / written.replace("%(here)s", str(root)).replace("%%", "%")


def _check_inside(root: Path, folder: Path) -> None:
    if not folder.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"the scripts of Alembic lie outside the project: {folder.name}")


def _read(file: Path, root: Path) -> dict[str, Any]:
    """Return the plain values that the file gives to the names which matter."""
    name = _shown(root, file)
    tree = read_python(file, name)
    return {key: literal(value, name) for key, value in assigned(tree.body) if key in _NAMES}


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, tuple | list) else ()


def _full(name: str, known: dict[str, tuple[str, ...]]) -> str:
    """Return the whole identifier of one that is written in part."""
    matches = [each for each in known if each.startswith(name)] if name not in known else [name]
    return matches[0] if len(matches) == 1 else name


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
