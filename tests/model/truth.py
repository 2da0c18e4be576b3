"""The measured state of a scene, read from its files and never from the output of ci-ops."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.model.condition import Condition, condition_of

if TYPE_CHECKING:
    from tests.model.recipes import Kind

ENDED = {"verified", "unverified", "failed", "rolled-back", "interrupted"}
"""States that a record may have while no run is active."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One deployment or rollback as recorded in the ledger."""

    id: str
    kind: str
    revision: str
    release: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Truth:
    """State of one service in one environment at one moment."""

    link: str
    """Id of the release that `current` names; empty where there is none, and for target `command`."""
    folders: frozenset[str]
    """Ids of the complete releases on the disk."""
    condition: Condition
    records: tuple[Record, ...]
    """The last line of the ledger for each deployment, oldest first."""
    written: tuple[tuple[str, bytes], ...]
    """Ledger and journals, byte by byte."""

    @property
    def live(self) -> tuple[str, str]:
        """The link, the served revision, and whether the service is up."""
        return self.link, f"{self.condition.revision} {self.condition.is_up}"

    def record(self, name: str) -> Record | None:
        """Return the record with that id; None where there is none."""
        return next((each for each in self.records if each.id == name), None)


def measure(
    kind: Kind, box: Path, state: Path, *, service: str, environment: str, github: list[dict[str, Any]] | None
) -> Truth:
    """Read the whole state; `state` is the folder of ledger and journals, `github` lists its deployments."""
    current = box / "srv" / "current"
    link = current.readlink().name if current.is_symlink() else ""
    releases = box / "srv" / "releases"
    folders = (
        [each for each in releases.iterdir() if (each / "revision").is_file()] if releases.is_dir() else []
    )
    written = [(each.name, _bytes(each)) for each in sorted(state.glob("*.jsonl"))]
    ours = [each for each in github or () if each["environment"] == environment]
    is_remote = kind == "command" and github is not None
    written += [(f"github {each['id']}", json.dumps(each["statuses"]).encode()) for each in ours]
    return Truth(
        link=link,
        folders=frozenset(each.name for each in folders),
        condition=condition_of(box),
        records=tuple(
            _described(ours) if is_remote else _records(_text(state / "ledger.jsonl"), service, environment)
        ),
        written=tuple(written),
    )


def _records(ledger: str, service: str, environment: str) -> list[Record]:
    latest: dict[str, Record] = {}
    for line in ledger.splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if (document["service"], document["environment"]) == (service, environment):
            latest[document["id"]] = Record(
                id=document["id"],
                kind=document["kind"],
                revision=document["revision"],
                release=document["release"] or document["id"],
                state=document["state"],
            )
    return list(latest.values())


def _described(deployments: list[dict[str, Any]]) -> list[Record]:
    """Return the records on GitHub: the last status begins with the state; `unknown` where no status arrived."""
    found = []
    for each in deployments:
        identity = each["payload"]
        descriptions = [status["description"] for status in each["statuses"] if status["description"]]
        found.append(
            Record(
                id=identity["id"],
                kind=identity["kind"],
                revision=identity["revision"],
                release=identity.get("release") or identity["id"],
                state=descriptions[-1].partition(" ")[0] if descriptions else "unknown",
            )
        )
    return found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b"(a folder)"
