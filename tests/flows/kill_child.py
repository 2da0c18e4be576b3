"""Deploys in a process of its own that kills itself when its journal has so many lines.

Usage: kill_child.py PROJECT REVISION LINES [before|after]
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from ci_ops.core.delivery.journal_file import SUFFIX
from ci_ops.core.ports.lines import Lines
from ci_ops.core.ports.store import Store
from ci_ops.edge.clock import StopSignal
from ci_ops.flows.deploy import DeployOptions, deploy
from ci_ops.session.call import Call
from ci_ops.session.open import open_job


@dataclass
class DeadlyLines:
    """Lines that end the process at the given one."""

    lines: Lines
    last: int
    moment: str

    def read(self) -> tuple[str, ...]:
        return self.lines.read()

    def append(self, line: str) -> None:
        is_last = len(self.lines.read()) + 1 == self.last
        if is_last and self.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        self.lines.append(line)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class DeadlyStore:
    """A store whose journals are deadly."""

    store: Store
    last: int
    moment: str

    def lines(self, name: str) -> Lines:
        lines = self.store.lines(name)
        return DeadlyLines(lines, self.last, self.moment) if name.endswith(SUFFIX) else lines

    def names(self, suffix: str) -> tuple[str, ...]:
        return self.store.names(suffix)

    def write(self, name: str, text: str) -> Path:
        return self.store.write(name, text)

    def read(self, name: str) -> str | None:
        return self.store.read(name)

    def hold_reserve(self) -> None:
        self.store.hold_reserve()


def main(project: str, revision: str, lines: str, moment: str) -> int:
    """Deploy, or die."""
    request = Call.of("deploy", {"revision": revision})
    opened = open_job(request, os.environ, stop=StopSignal(), root=Path(project))
    store = DeadlyStore(opened.job.site.store, int(lines), moment)
    job = replace(opened.job, site=replace(opened.job.site, store=store))
    return deploy(job, DeployOptions(verify=False)).exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
