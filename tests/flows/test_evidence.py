"""What a failed deployment shows: its first error, and the end of the server's log."""

from __future__ import annotations

import pytest

from ci_ops.core.report import EVIDENCE
from tests.support.shop import CONFIG, ONE, TWO, Shop

LOGS = "    logs: 'tail -n 2 \"$SHOP/server.log\"'\n"


@pytest.fixture
def logged(shop: Shop) -> Shop:
    shop.write_config(CONFIG.replace("verify:\n", f"{LOGS}verify:\n", 1))
    (shop.service.folder / "server.log").write_text("started\nImportError: no settings\nworker ended\n")
    return shop


def test_the_servers_log_is_read_before_the_failed_release_is_undone(logged: Shop) -> None:
    logged.deploy(ONE)
    logged.service.make_sick(TWO)
    report = logged.deploy(TWO)
    assert report.verdict == "rolled-back"
    phases = [step.phase for step in report.steps]
    assert phases.index(EVIDENCE) < phases.index("undo")
    (log,) = [step.output for step in report.steps if step.phase == EVIDENCE]
    assert log == "ImportError: no settings\nworker ended\n"


def test_a_good_deployment_reads_no_log(logged: Shop) -> None:
    assert EVIDENCE not in [step.phase for step in logged.deploy(ONE).steps]


def test_a_log_that_cannot_be_read_is_a_note(logged: Shop) -> None:
    logged.deploy(ONE)
    logged.service.make_sick(TWO)
    (logged.service.folder / "server.log").unlink()
    report = logged.deploy(TWO)
    assert report.verdict == "rolled-back"
    assert any("Read the server's log" in note and "server.log" in note for note in report.notes)


def test_the_first_error_of_a_step_is_its_headline(shop: Shop) -> None:
    shop.deploy(ONE)
    failing = 'echo "ERROR: no matching distribution"; echo "[notice] a new release of pip"; exit 1; '
    shop.write_config(CONFIG.replace("run: '", f"run: '{failing}"))
    assert "failed: ERROR: no matching distribution." in shop.deploy(TWO).sentence
