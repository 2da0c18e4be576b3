"""What comes after the release serves can only warn: a failed clean-up takes no good release back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ci_ops.core.health.status import Status
from ci_ops.core.report import StepState
from ci_ops.flows.deploy import DeployOptions
from tests.support.shop import CONFIG, ONE, THREE, TWO, Service, Shop, id_of

FOUR = "4" * 40
TARGET = (
    "{type: releases, path: PLACE, keep: 1, fetch: 'true', "
    'reload: \'printf %s "$DEPLOYMENT_REVISION" > "$SHOP/revision"\'}'
)


@pytest.fixture
def shop(tmp_path: Path, service: Service) -> Shop:
    """A shop on target `releases` that keeps one release beside those it needs."""
    head, _, tail = CONFIG.partition("  target:\n")
    config = (
        f"{head}  target: {TARGET.replace('PLACE', str(tmp_path / 'srv'))}\n{tail[tail.index('verify:') :]}"
    )
    return Shop(project=tmp_path / "project", service=service, config=config)


@pytest.fixture
def stuck(tmp_path: Path, shop: Shop) -> Path:
    """A file that names a release which cannot be removed, as with a busy mount in it."""
    named = tmp_path / "stuck"
    programs = tmp_path / "bin"
    programs.mkdir()
    rm = programs / "rm"
    rm.write_text(
        f'#!/bin/sh\nif [ -f {named} ]; then case "$*" in *"$(cat {named})"*)'
        f' echo "rm: device or resource busy" >&2; exit 1;; esac; fi\nexec {shutil.which("rm")} "$@"\n'
    )
    rm.chmod(0o755)
    shop.env["PATH"] = f"{programs}:{shop.env['PATH']}"
    return named


def test_a_release_that_cannot_be_removed_is_a_warning(shop: Shop, stuck: Path, tmp_path: Path) -> None:
    first = shop.deploy(ONE)
    shop.deploy(TWO)
    stuck.write_text(id_of(first))
    report = shop.deploy(THREE)
    assert (report.status, report.verdict, report.exit_code) == (Status.WARN, "warned", 0)
    assert shop.service.revision == THREE
    assert [step.key for step in report.steps if step.state is StepState.WARNED] == ["prune"]
    assert any("resource busy" in note and "it stands" in note for note in report.notes)
    stuck.unlink()
    assert shop.deploy(ONE).verdict == "ok"
    assert id_of(first) not in {path.name for path in (tmp_path / "srv/releases").iterdir()}


def test_keeping_one_release_keeps_the_verified_one_to_return_to(shop: Shop, tmp_path: Path) -> None:
    first = shop.deploy(ONE)
    shop.deploy(TWO)
    shop.rollback()
    assert shop.service.revision == ONE
    shop.deploy(THREE, DeployOptions(verify=False))
    fourth = shop.deploy(FOUR, DeployOptions(verify=False))
    assert id_of(first) in {path.name for path in (tmp_path / "srv/releases").iterdir()}
    shop.rollback()
    assert shop.service.revision == ONE
    assert id_of(fourth) in {path.name for path in (tmp_path / "srv/releases").iterdir()}
