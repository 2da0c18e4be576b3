"""Whether poetry.lock, pdm.lock and Pipfile.lock carry the hash of the file beside them.

The tools refuse a lock file whose hash is another one. Source: `poetry/packages/locker.py`
(1.8 to 2.5) and `pdm/project/project_file.py` (2.0 to 2.29), which say what is hashed.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from ci_ops.checks.lockfile.faults import fault
from ci_ops.checks.lockfile.locks import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ci_ops.checks._verdict import Fault
    from ci_ops.checks.lockfile.locks import Lock
    from ci_ops.checks.lockfile.project import Project

_POETRY_LEGACY = ("dependencies", "source", "extras", "dev-dependencies")
_PROJECT = ("requires-python", "dependencies", "optional-dependencies")
PIPFILE_LOCK = "Pipfile.lock"
_PIPENV_SECTIONS = frozenset(
    {"source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop"}
)
_GENERATOR = re.compile(r"Poetry (\d+)\.(\d+)")


def stale_hash(lock: Lock, project: Project) -> Iterator[Fault]:
    """Yield a fault where the lock was made from another pyproject.toml."""
    if not (project.pipfile if lock.name == PIPFILE_LOCK else project.document):
        return
    if lock.name == PIPFILE_LOCK:
        if not project.pipfile.get("source"):
            return  # Pipenv hashes the index that it falls back to, which its own settings may name
        written, expected = (
            table(lock.document, "_meta", "hash").get("sha256"),
            [_pipenv_hash(project.pipfile)],
        )
    elif lock.name == "poetry.lock":
        written = table(lock.document, "metadata").get("content-hash")
        expected = _poetry_hashes(project.document, lock.text)
    else:
        written, expected = _pdm_written(lock), _pdm_hashes(project.document)
        if written is None:
            return
    source = "Pipfile" if lock.name == PIPFILE_LOCK else "pyproject.toml"
    if written not in expected:
        yield fault(
            "out-of-step",
            f"{lock.file} was made from another {source}: its content hash does not fit.",
            file=lock.file,
            line=_line(lock.text, str(written)),
            expected=f"the hash {expected[0][:12]}…",
            observed=f"the hash {written[:12]}…" if isinstance(written, str) else "no hash",
            advice=lock.relock,
        )


def _poetry_hashes(document: Mapping[str, Any], lock_text: str) -> list[str]:
    """Return the hashes that Poetry accepts as fresh, its latest algorithm's first."""
    accepted = [_poetry_hash(document, with_groups=True)]
    generator = _GENERATOR.search(lock_text.partition("\n")[0])
    if generator is None or (int(generator[1]), int(generator[2])) < (2, 3):
        accepted.append(_poetry_hash(document, with_groups=False))
    return accepted


def _poetry_hash(document: Mapping[str, Any], *, with_groups: bool) -> str:
    project, poetry = table(document, "project"), table(document, "tool", "poetry")
    groups = table(document, "dependency-groups") if with_groups else {}
    standard = {key: project[key] for key in _PROJECT if project.get(key) is not None}
    own: dict[str, Any] = {}
    for key in (*_POETRY_LEGACY, "group"):
        # The old tables are hashed as null where they are missing, but only in a project of the old form.
        is_old_form = key in _POETRY_LEGACY and not standard and not groups
        if poetry.get(key) is not None or is_old_form:
            own[key] = poetry.get(key)
    relevant: dict[str, Any] = {"project": standard} if standard else {}
    relevant |= {"dependency-groups": groups} if groups else {}
    return _digest(relevant | {"tool": {"poetry": own}} if relevant else own)


def _pdm_written(lock: Lock) -> str | None:
    """Return the hash in the lock; None if it has none to compare, or stores the inputs instead."""
    metadata = table(lock.document, "metadata")
    if "lock_inputs" in metadata:
        return None
    written = metadata.get("content_hash")
    if isinstance(written, str):
        return written.removeprefix("sha256:")
    by_pylock = table(lock.document, "tool", "pdm", "hashes").get("sha256")
    return by_pylock if isinstance(by_pylock, str) else "" if lock.name == "pdm.lock" else None


def _pdm_hashes(document: Mapping[str, Any]) -> list[str]:
    project, pdm = table(document, "project"), table(document, "tool", "pdm")
    groups: dict[str, list[Any]] = {}
    for name, listed in (
        *table(document, "dependency-groups").items(),
        *table(pdm, "dev-dependencies").items(),
    ):
        key = re.sub(r"[^A-Za-z0-9]+", "-", name).lower()
        groups[key] = [*groups.get(key, []), *(listed if isinstance(listed, list) else [])]
    relevant = {
        "sources": pdm.get("source", []),
        "dependencies": project.get("dependencies", []),
        "dev-dependencies": groups,
        "optional-dependencies": project.get("optional-dependencies", {}),
        "requires-python": project.get("requires-python", ""),
        "resolution": pdm.get("resolution", {}),
    }
    return [_digest(relevant)]


def _pipenv_hash(pipfile: Mapping[str, Any]) -> str:
    """Source: `plette/pipfiles.py`, which Pipenv carries."""
    own = {key: value for key, value in pipfile.items() if key not in _PIPENV_SECTIONS}
    relevant = {
        "_meta": {"sources": pipfile.get("source"), "requires": pipfile.get("requires", {})},
        "default": pipfile.get("packages", {}),
        "develop": pipfile.get("dev-packages", {}),
        **own,
    }
    text = json.dumps(relevant, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(value: object) -> str:
    """Return the hash of a document, with dates and times as text."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _line(text: str, word: str) -> int:
    """Return the line with that word; the first line if it does not occur."""
    before = text.partition(word)[0] if word and word in text else ""
    return before.count("\n") + 1
