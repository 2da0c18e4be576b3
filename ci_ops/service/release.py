"""The release of this process, read once at startup.

A file in the release beats the environment, because a reload in place keeps
the old environment; nothing is read again later, because a new checkout under
a running process does not change what the process runs.

Source: the `version.json` of Mozilla's Dockerflow for the names of the members.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from ci_ops.core.health.writing import rfc3339
from ci_ops.core.text.secret import Secret
from ci_ops.service._process.forks import tell_after_fork

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMIT_VARIABLES = (
    "DEPLOYMENT_REVISION",
    "RENDER_GIT_COMMIT",
    "GIT_COMMIT",
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
    "SOURCE_VERSION",
    "HEROKU_SLUG_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "VERCEL_GIT_COMMIT_SHA",
)
"""Read in this order; the first is set by `ci-ops deploy`, the others by platforms."""

COMMIT_UNKNOWN = (
    "no commit is known here: there is no version.json and no REVISION in the release's folder, no variable such as "
    "DEPLOYMENT_REVISION or GIT_COMMIT, and no .git; write the commit into a file REVISION"
)
LEVELS_UP = 3
"""Folders above the working directory that may hold the files of the release."""
MAX_FILE_BYTES = 64 * 1024
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_REF = re.compile(r"ref: (refs/[\w./-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release; every text is empty when it is not known."""

    commit: str = ""
    """The full or short SHA, lower case."""
    version: str = ""
    source: str = ""
    """The repository's address, without user and password."""
    build: str = ""
    """The address or number of the build."""
    built_at: datetime | None = None
    config: str = ""
    """The fingerprint of the effective configuration."""
    instance: str = field(default_factory=lambda: secrets.token_hex(4))
    """Different in each process, so that a verifier can count the instances."""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def note(self) -> str:
        """What to do about an unknown commit; empty where it is known."""
        return "" if self.commit else COMMIT_UNKNOWN

    @property
    def release_id(self) -> str:
        """The `releaseId` of health documents: the commit, else the version."""
        return self.commit or self.version

    def document(self, *, detailed: bool = False) -> dict[str, Any]:
        """Return the body of `/__version__`; details name the instance and its configuration."""
        shown: dict[str, Any] = {
            name: getattr(self, name) for name in ("source", "version", "commit", "build")
        }
        if self.built_at is not None:
            shown["built_at"] = rfc3339(self.built_at)
        if self.note:
            shown["notes"] = [self.note]
        if detailed:
            shown["config"] = self.config
            shown["instance"] = self.instance
            shown["started_at"] = rfc3339(self.started_at)
        return shown


def read_release(root: Path, env: Mapping[str, str]) -> Release:
    """Read the release from files, the environment or `.git`.

    In this order: `version.json` and `REVISION` in the folder and in the three
    above it, the environment, `.git` in the folder.
    """
    stated, commit = _stated(root)
    variables = (_commit(env.get(name, "")) for name in COMMIT_VARIABLES)
    commit = commit or next(filter(None, variables), "") or _git_commit(root / ".git")
    return Release(
        commit=commit,
        version=stated.get("version", "") or env.get("APP_VERSION", "").strip(),
        source=_without_user(stated.get("source", "") or env.get("SOURCE_URL", "")),
        build=_without_user(stated.get("build", "") or env.get("BUILD_URL", "")),
        built_at=_moment(
            stated.get("built_at", "") or env.get("BUILD_TIME", "") or env.get("SOURCE_DATE_EPOCH", "")
        ),
    )


def config_fingerprint(values: Mapping[str, object], key: Secret | str) -> str:
    """Return 16 hexadecimal digits that change with a value and reveal none.

    Keyed, because short values could be guessed from a plain hash: `key` is a
    secret that all instances share, such as SECRET_KEY, at least 16
    characters long. Secrets among the values count with their real value.
    """
    secret = key.reveal() if isinstance(key, Secret) else key
    if len(secret) < 16:
        raise ValueError("the key of a configuration fingerprint needs at least 16 characters")
    plain = {name: one.reveal() if isinstance(one, Secret) else one for name, one in values.items()}
    text = json.dumps(plain, sort_keys=True, default=str, separators=(",", ":"))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:16]


class _Current:
    release: Release | None = None

    @classmethod
    def after_fork(cls) -> None:
        """Become another instance of the same release, started now."""
        known = cls.release
        if known is not None:
            cls.release = Release(
                commit=known.commit,
                version=known.version,
                source=known.source,
                build=known.build,
                built_at=known.built_at,
                config=known.config,
            )


tell_after_fork(_Current)


def current_release() -> Release:
    """Return the release of this process, as it was at the first call."""
    if _Current.release is None:
        _Current.release = read_release(Path.cwd(), os.environ)
    return _Current.release


def set_release(release: Release) -> None:
    """Set the release, for applications that know it better than their environment."""
    _Current.release = release


def _commit(text: str) -> str:
    word = text.strip().lower()
    return word if _COMMIT.fullmatch(word) else ""


def _stated(root: Path) -> tuple[dict[str, str], str]:
    """Return what the files of a release state, and its commit.

    The working directory may be a folder inside the release.
    """
    folder = root.resolve()
    for each in (folder, *folder.parents[:LEVELS_UP]):
        stated = _version_file(each / "version.json")
        commit = _commit(stated.get("commit", "")) or _commit(_text(each / "REVISION"))
        if commit:
            return stated, commit
    return _version_file(root / "version.json"), ""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _version_file(path: Path) -> dict[str, str]:
    try:
        value = json.loads(_text(path) or "{}")
    except (ValueError, RecursionError):
        return {}
    return (
        {name: one.strip() for name, one in value.items() if isinstance(one, str)}
        if isinstance(value, dict)
        else {}
    )


def _git_commit(folder: Path) -> str:
    """Return the commit of a checkout, for development; packed references included."""
    if folder.is_file():
        folder = folder.parent / _text(folder).removeprefix("gitdir:").strip()
    head = _text(folder / "HEAD")
    named = _REF.fullmatch(head)
    if named is None:
        return _commit(head)
    common = folder / (_text(folder / "commondir") or ".")
    name = named[1]
    lines = _text(common / "packed-refs").splitlines()
    packed = {ref: commit for commit, _, ref in (line.partition(" ") for line in lines)}
    return _commit(_text(folder / name) or _text(common / name) or packed.get(name, ""))


def _without_user(address: str) -> str:
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return ""
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromtimestamp(int(text), UTC) if text.isdigit() else datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else None
