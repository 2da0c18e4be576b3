"""Sessions of pytest as the plugin `session_plugin` records them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ci_ops.core.text.encoding import read_text_file
from ci_ops.core.text.json_document import parse_json

MAX_RECORD_BYTES = 64 << 20
PLUGIN = "ci_ops_sessions"
_SOURCE = Path(__file__).with_name("session_plugin.py")
_FOLDER = "CI_OPS_TEST_SESSIONS"


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """What one session of pytest collected and reported."""

    junit: Path
    collected: frozenset[str]
    reported: frozenset[str]
    """Tests that came to a result, whichever."""
    reruns: tuple[str, ...]
    stopped: str
    """Why it ran only some of the tests, such as `stopping after 1 failures`; empty where it ran all."""
    is_finished: bool
    """False where its process ended before the session did."""

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the session that the plugin wrote. Raises ValueError."""
        if not isinstance(document, Mapping):
            raise ValueError("the record of a session is no mapping")
        return cls(
            junit=Path(_text(document, "junit")),
            collected=frozenset(_texts(document, "collected")),
            reported=frozenset(_texts(document, "reported")),
            reruns=_texts(document, "reruns"),
            stopped=_text(document, "stopped"),
            is_finished=document.get("finished") is True,
        )


def session_environment(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that make every pytest started with them record its session in `folder`."""
    plugins = folder / "plugins"
    plugins.mkdir()
    shutil.copyfile(_SOURCE, plugins / f"{PLUGIN}.py")
    options = (env.get("PYTEST_ADDOPTS", ""), f"-p {PLUGIN} -o junit_family=xunit1")
    return {
        _FOLDER: str(folder),
        "PYTEST_ADDOPTS": " ".join(filter(None, options)),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(plugins), env.get("PYTHONPATH", "")))),
    }


def read_sessions(folder: Path) -> list[Session]:
    """Return the sessions recorded in that folder. Raises OSError, ValueError."""
    return [
        Session.from_json(parse_json(read_text_file(path, max_bytes=MAX_RECORD_BYTES)))
        for path in sorted(folder.glob("session-*.json"))
    ]


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        raise ValueError(f"the record of a session has no text {key}")
    return value


def _texts(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = document.get(key)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"the record of a session has no list {key}")
    return tuple(value)
