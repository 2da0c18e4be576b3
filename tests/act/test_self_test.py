"""This repository's own self-test, as far as one machine can show it: its job on Linux."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.support.act import known_to_act
from tests.support.parts import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.act.conftest import Stage

NEEDED = ("actions", "ci_ops", "templates", ".github")


def test_the_self_test_passes_on_linux(stage: Stage, tmp_path: Path) -> None:
    ours = stage.act.exported / "ours"
    for name in NEEDED:
        shutil.copytree(ours / name, stage.caller.folder / name)
    stage.caller.write(".gitignore", "__pycache__/\n")
    service = "tests/support/small_service.py"
    stage.caller.write(service, (ROOT / service).read_text(encoding="utf-8"))
    workflow = ".github/workflows/self-test.yml"
    stage.caller.write(workflow, known_to_act(ROOT / workflow))
    stage.caller.commit()
    try:
        ran = stage.act.run("push", workflow="self-test", matrix="os:ubuntu-latest")
    finally:  # a runner of GitHub ends what a job has left behind, act does not
        for address in tmp_path.rglob("tmp/site/address"):
            address.unlink()
    assert ran.exit_code == 0
    assert ran.jobs == {"look": "success", "change": "success"}
