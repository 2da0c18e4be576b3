"""A deployment killed at every line of its journal, then run again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ci_ops.core.delivery.record import State
from ci_ops.edge.clock import StopSignal
from ci_ops.flows.deploy import DeployOptions, deploy
from ci_ops.session.call import Call
from ci_ops.session.open import open_job
from tests.support.shop import ONE, TWO

LINES = 23
"""Lines of a whole journal: begun, three for each of seven steps, applied."""

CONFIG = """\
version: 1
service: shop
deploy:
  verify: false
  target:
    type: releases
    path: PLACE
    fetch: |
      printf %s "$DEPLOYMENT_REVISION" > "$DEPLOYMENT_RELEASE_DIR/revision"
      echo "fetch $DEPLOYMENT_REVISION" >> "$DONE"
    build: echo "build $DEPLOYMENT_REVISION" >> "$DONE"
    migrate: echo "migrate $DEPLOYMENT_REVISION" >> "$DONE"
    reload: echo "reload $DEPLOYMENT_REVISION" >> "$DONE"
"""
STEPS = ("fetch", "build", "migrate", "reload")


class Killing:
    """A project whose deployments die on demand."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.place = folder / "srv"
        self.done = folder / "done"
        for path in (self.project, self.place):
            path.mkdir()
        (self.project / "ci-ops.yml").write_text(CONFIG.replace("PLACE", str(self.place)))
        self.env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "DONE": str(self.done)}

    def deploy(self, revision: str) -> int:
        request = Call.of("deploy", {"revision": revision})
        opened = open_job(request, self.env, stop=StopSignal(), root=self.project)
        return deploy(opened.job, DeployOptions()).exit_code

    def deploy_and_die(self, revision: str, line: int, moment: str) -> int:
        script = Path(__file__).with_name("kill_child.py")
        root = Path(__file__).parents[2]
        done = subprocess.run(
            [sys.executable, str(script), str(self.project), revision, str(line), moment],
            env={**self.env, "PYTHONPATH": str(root)},
            capture_output=True,
            check=False,
        )
        return done.returncode

    @property
    def live(self) -> str:
        return (self.place / "current" / "revision").read_text()

    def state(self) -> State:
        opened = open_job(Call.of("deploy", {}), self.env, stop=StopSignal(), root=self.project)
        return opened.job.site.ledger.history("production")[0].state

    @property
    def releases(self) -> int:
        return len(list((self.place / "releases").iterdir()))


@pytest.mark.parametrize("line", range(1, LINES + 1))
@pytest.mark.parametrize("moment", ["before", "after"])
def test_run_again_it_ends_the_same_and_nothing_is_done_twice(tmp_path: Path, line: int, moment: str) -> None:
    site = Killing(tmp_path)
    assert site.deploy(ONE) == 0
    assert site.deploy_and_die(TWO, line, moment) == -9

    assert site.deploy(TWO) == 0

    assert site.live == TWO
    assert site.state() is State.UNVERIFIED
    assert site.done.read_text().splitlines() == [f"{step} {each}" for each in (ONE, TWO) for step in STEPS]
    assert site.releases == 2


def test_the_journal_has_no_line_that_was_not_tried(tmp_path: Path) -> None:
    site = Killing(tmp_path)
    assert site.deploy_and_die(TWO, LINES + 1, "before") == 0
    (journal,) = site.place.rglob("*.journal.jsonl")
    assert len(journal.read_text().splitlines()) == LINES
