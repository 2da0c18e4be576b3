"""Whether uv.lock matches the pyproject.toml files of its workspace.

`uv lock --check` refuses what differs in any of these places. Source: the tables
`package.metadata` and `manifest` of a lock written by uv 0.5 to 0.13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.checks.lockfile.faults import fault
from ci_ops.checks.lockfile.locks import entries, table
from ci_ops.checks.lockfile.pep440 import is_same_marker, is_same_specifier, parse_requirement
from ci_ops.checks.lockfile.project import Project
from ci_ops.core.contract.requirements import normal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ci_ops.checks._verdict import Fault
    from ci_ops.checks.lockfile.locks import Lock

_REGISTRY = {"name", "specifier", "marker", "extras", "index", "conflict"}
"""Keys of a requirement that an index serves; any other names a source, and then there is no specifier."""

_MANIFEST = {
    "constraints": "constraint-dependencies",
    "overrides": "override-dependencies",
    "build-constraints": "build-constraint-dependencies",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """One requirement, from pyproject.toml or from the lock."""

    name: str
    specifier: str
    extras: frozenset[str]
    marker: str
    has_source: bool

    def fits(self, other: _Asked, *, python: str, extras: tuple[str, ...]) -> bool:
        """Return True when both are equivalent."""
        is_same = self.extras == other.extras and self.has_source is other.has_source
        is_same = is_same and (self.has_source or is_same_specifier(self.specifier, other.specifier))
        return is_same and is_same_marker(self.marker, other.marker, python=python, extras=extras)


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A project of the workspace and its entry in the lock."""

    project: Project
    path: str
    """Relative to the lock's folder; `.` for the root."""
    sources: Mapping[str, Any]
    """`tool.uv.sources` of the project, over those of the workspace."""

    def entry(self, lock: Lock) -> Mapping[str, Any] | None:
        """The lock's package for the project; None if there is none."""
        for package in entries(lock.document.get("package")):
            source = table(package, "source")
            if self.path in {source.get("editable"), source.get("virtual"), source.get("directory")}:
                return package
        return None


def stale_member(lock: Lock, member: Member) -> Iterator[Fault]:
    """Yield what has changed in a project since the lock was made."""
    document = member.project.document
    entry = member.entry(lock)
    if not member.project.name:
        shared = _written_groups(table(lock.document, "manifest", "dependency-groups"))
        yield from _compare(lock, member, "groups", _groups(document, member), shared)
        return
    if entry is None:
        yield _fault(
            lock, member.project.name, f"{lock.file} does not have the project {member.project.name}."
        )
        return
    metadata = table(entry, "metadata")
    if not member.project.dynamic & {"dependencies", "optional-dependencies"}:
        written = [_written(each) for each in entries(metadata.get("requires-dist"))]
        yield from _compare(lock, member, "dependencies", {"": _required(document, member)}, {"": written})
    written_groups = _written_groups(table(metadata, "requires-dev"))
    yield from _compare(lock, member, "groups", _groups(document, member), written_groups)
    version = table(document, "project").get("version")
    if isinstance(version, str) and entry.get("version") not in {None, version}:
        sentence = f"{lock.file} was made for version {entry.get('version')} of {member.project.name}."
        yield _fault(
            lock, member.project.name, sentence, expected=version, observed=str(entry.get("version"))
        )


def stale_manifest(lock: Lock, root: Project) -> Iterator[Fault]:
    """Yield what has changed in the workspace's constraints and overrides."""
    for written_key, key in _MANIFEST.items():
        listed = table(root.document, "tool", "uv").get(key, [])
        asked = (
            [_parsed(each, "", {}) for each in listed if isinstance(each, str)]
            if isinstance(listed, list)
            else []
        )
        written = [_written(each) for each in entries(table(lock.document, "manifest").get(written_key))]
        member = Member(project=root, path=".", sources={})
        known = [each for each in asked if each is not None]
        yield from _compare(lock, member, key, {"": known}, {"": written})


def _compare(
    lock: Lock, member: Member, what: str, asked: dict[str, list[_Asked]], written: dict[str, list[_Asked]]
) -> Iterator[Fault]:
    """Compare the requirements of each group with those in the lock."""
    extras = tuple(map(normal, table(member.project.document, "project", "optional-dependencies")))
    python = member.project.requires_python
    for group in dict.fromkeys([*asked, *written]):
        left = list(written.get(group, []))
        for each in asked.get(group, []):
            if isinstance(member.sources.get(each.name), list):  # several sources, one for each environment
                left = [one for one in left if one.name != each.name]
                continue
            same = next(
                (
                    one
                    for one in left
                    if one.name == each.name and one.fits(each, python=python, extras=extras)
                ),
                None,
            )
            if same is not None:
                left.remove(same)
                continue
            other = next((one for one in left if one.name == each.name), None)
            if other is None:
                sentence = f"{lock.file} was made without {each.name}, which {_where(what, group)} requires."
            else:
                left.remove(other)
                sentence = f"{lock.file} was made with another requirement of {each.name}."
            yield _fault(lock, each.name, sentence, expected=_text(each), observed=_text(other))
        for one in left:
            sentence = (
                f"{lock.file} was made with {one.name}, which {_where(what, group)} no longer requires."
            )
            yield _fault(lock, one.name, sentence, expected="nothing", observed=_text(one))


def _where(what: str, group: str) -> str:
    if what == "groups":
        return f"the group {group}"
    return "the project" if what == "dependencies" else what


def _text(asked: _Asked | None) -> str:
    if asked is None:
        return "nothing"
    extras = f"[{','.join(sorted(asked.extras))}]" if asked.extras else ""
    marker = f"; {asked.marker}" if asked.marker else ""
    return f"{asked.name}{extras}{' (a source)' if asked.has_source else asked.specifier}{marker}"


def _required(document: Mapping[str, Any], member: Member) -> list[_Asked]:
    """Return the expected `requires-dist`: dependencies, and extras with their marker."""
    project = table(document, "project")
    listed = [(each, "") for each in _strings(project.get("dependencies"))]
    for extra, texts in table(project, "optional-dependencies").items():
        listed += [(each, extra) for each in _strings(texts)]
    found = (_parsed(text, extra, member.sources) for text, extra in listed)
    return [each for each in found if each is not None]


def _groups(document: Mapping[str, Any], member: Member) -> dict[str, list[_Asked]]:
    """Return every dependency group with its includes, in uv's form."""
    groups = {normal(name): value for name, value in table(document, "dependency-groups").items()}
    legacy = _strings(table(document, "tool", "uv").get("dev-dependencies"))
    if legacy:
        groups["dev"] = [*(groups.get("dev") or []), *legacy]
    found = {}
    for name in groups:
        texts = dict.fromkeys(_flat(groups, name, ()))
        found[name] = [each for text in texts if (each := _parsed(text, "", member.sources)) is not None]
    return {name: listed for name, listed in found.items() if listed}


def _flat(groups: Mapping[str, Any], name: str, above: tuple[str, ...]) -> Iterator[str]:
    for each in groups.get(name) or []:
        if isinstance(each, str):
            yield each
            continue
        included = each.get("include-group") if isinstance(each, dict) else None
        if isinstance(included, str) and normal(included) not in (*above, name):
            yield from _flat(groups, normal(included), (*above, name))


def _strings(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _parsed(text: str, extra: str, sources: Mapping[str, Any]) -> _Asked | None:
    found = parse_requirement(text)
    if found is None:
        return None
    markers = [f"({found.marker})" if found.marker and extra else found.marker]
    markers += [f"extra == '{normal(extra)}'"] if extra else []
    source = sources.get(found.name)
    return _Asked(
        name=found.name,
        specifier=found.specifier,
        extras=found.extras,
        marker=" and ".join(filter(None, markers)),
        has_source=bool(found.url) or (isinstance(source, dict) and set(source) != {"index"}),
    )


def _written(entry: Mapping[str, Any]) -> _Asked:
    return _Asked(
        name=normal(str(entry.get("name", ""))),
        specifier=str(entry.get("specifier", "")),
        extras=frozenset(normal(str(each)) for each in entry.get("extras") or ()),
        marker=str(entry.get("marker", "")),
        has_source=bool(entry.keys() - _REGISTRY),
    )


def _written_groups(written: Mapping[str, Any]) -> dict[str, list[_Asked]]:
    found = {normal(name): [_written(each) for each in entries(listed)] for name, listed in written.items()}
    return {name: listed for name, listed in found.items() if listed}


def _fault(lock: Lock, name: str, sentence: str, *, expected: str = "", observed: str = "") -> Fault:
    return fault(
        "out-of-step",
        sentence,
        file=lock.file,
        subject=name,
        expected=expected,
        observed=observed,
        advice=lock.relock,
    )
