"""The configuration of the model's services, and the shell commands of their steps.

The file `fault` injects a fault into a step: `<step> <KILL|TERM|HUP|INT>` signals the run, `<step> FAIL`
fails the step, `<step> LEDGER` puts a folder in the ledger's place. A step without a fault uses only
builtins of the shell, so that it costs one process.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Literal

Kind = Literal["releases", "command"]

SHELL = """\
step() {
  echo "begin $1 $DEPLOYMENT_REVISION" >> "$BOX/log"
  [ -z "$STUBBORN" ] || trap '' TERM
  [ -z "$PAUSE" ] || sleep "$PAUSE"
  at=; fault=
  [ ! -e "$BOX/fault" ] || read -r at fault < "$BOX/fault" || :
  [ "$at" = "$1" ] || return 0
  case $fault in
    FAIL) echo "$1 fails by an injected fault" >&2; exit 9 ;;
    LEDGER)
      read -r ledger < "$BOX/ledger"
      [ -d "$ledger" ] || { mv "$ledger" "$BOX/ledger.aside"; mkdir "$ledger"; } ;;
    STUBBORN) trap '' TERM; read -r run < "$BOX/run"; kill -KILL "$run"; sleep 0.4 ;;
    *) read -r run < "$BOX/run"; kill -"$fault" "$run"; sleep 0.1 ;;
  esac
}
end() {
  echo "end $1 $DEPLOYMENT_REVISION" >> "$BOX/log"
}
begin() {
  case $1 in
    '') printf '' > "$BOX/served" ;;
    c*) echo "$1 dead" > "$BOX/served" ;;
    f*) ;;
    *) echo "$1 up" > "$BOX/served" ;;
  esac
}
"""
"""Functions that every step sources. BOX is the service's folder, PAUSE the seconds that a step sleeps; a
step that is STUBBORN ignores SIGTERM."""

_RELEASES = """\
type: releases
path: BOX/srv
keep: KEEP
fetch: |
  . BOX/shell; step fetch
  printf %s "$DEPLOYMENT_REVISION" > "$DEPLOYMENT_RELEASE_DIR/revision"
  end fetch
build: |
  . BOX/shell; step build
  case $DEPLOYMENT_REVISION in b*) echo "cannot be built" >&2; exit 3 ;; esac
  end build
migrate: |
  . BOX/shell; step migrate
  end migrate
reload: |
  . BOX/shell; step reload
  revision=
  [ ! -r BOX/srv/current/revision ] || read -r revision < BOX/srv/current/revision || :
  case $revision in d*) echo "cannot be started" >&2; exit 4 ;; esac
  begin "$revision"
  end reload
"""
_COMMAND = """\
type: command
run: |
  . BOX/shell; step run
  case $DEPLOYMENT_REVISION in b*) echo "cannot be run" >&2; exit 3 ;; esac
  begin "$DEPLOYMENT_REVISION"
  case $DEPLOYMENT_REVISION in d*) echo "failed in the middle" >&2; exit 4 ;; esac
  end run
undo: |
  . BOX/shell; step undo
  begin "$DEPLOYMENT_PREVIOUS_REVISION"
  end undo
rollback: |
  . BOX/shell; step rollback
  begin "$DEPLOYMENT_REVISION"
  end rollback
"""
_PROBE = """\
probe: |
  served=
  [ ! -r BOX/served ] || read -r served _ < BOX/served || :
  [ "$served" = "$DEPLOYMENT_REVISION" ]
"""
_CONFIG = """\
version: 1
service: SERVICE
verify:
  deadline: 0
  on-error: ON_ERROR
  timeout: 5s
  checks:
    revision: {connections: 2}
    health: {successes: 1}
environments:
"""
_ENVIRONMENT = """\
  NAME:
    verify: {url: "http://127.0.0.1:PORT"}
    deploy:
      target:
"""
STEPS: dict[Kind, tuple[str, ...]] = {
    "releases": ("fetch", "build", "migrate", "reload"),
    "command": ("run", "undo", "rollback"),
}
"""The steps into which a fault can be injected."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One environment of a service: the folder of its files, and the port of its live service."""

    environment: str
    box: Path
    port: int


def configuration(
    service: str, kind: Kind, instances: tuple[Instance, ...], *, keep: int, probe: bool, holds: bool
) -> str:
    """Return the text of a service's configuration file."""
    text = _CONFIG.replace("SERVICE", service).replace("ON_ERROR", "hold" if holds else "rollback")
    for place in instances:
        target = _RELEASES.replace("KEEP", str(keep)) if kind == "releases" else _COMMAND
        if kind == "command" and probe:
            target += _PROBE
        head = _ENVIRONMENT.replace("NAME", place.environment).replace("PORT", str(place.port))
        text += head + indent(target, " " * 8).replace("BOX", str(place.box))
    return text
