from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from ci_ops.config.check import check_text
from ci_ops.config.load import Source, examine
from ci_ops.config.model import Config
from ci_ops.config.shapes import families_in, record_of
from ci_ops.core.named import Named
from ci_ops.core.plugin import Check, Plugin, family_bases
from ci_ops.core.reasons import REASONS
from ci_ops.core.report import Report
from tests.support.parts import ROOT

TEXT = """\
version: 1
readiness: {checks: {style: {type: command, run: 'true'}, off: {type: command, run: 'true', enabled: false}}}
deploy: {target: {type: command, run: 'true'}}
verify: {checks: {health: {}, tls: {enabled: false}}}
notify:
  channels:
    ops: {type: slack, webhook-url: "${NOWHERE}"}
    log: {type: console}
    old: {type: slack, webhook-url: "${GONE}", enabled: false}
"""


def test_one_walk_names_every_plugin_with_its_path_but_for_what_is_switched_off(tmp_path: Path) -> None:
    (tmp_path / "ci-ops.yml").write_text(TEXT)
    loaded = examine(Source(env={}, start=tmp_path, uses=()))
    assert loaded.problems == ()
    assert [(path, each.plugin.plugin_name()) for path, each in loaded.config.plugins()] == [
        ("readiness.checks.style", "command"),
        ("deploy.target", "command"),
        ("verify.checks.health", "health"),
        ("notify.channels.log", "console"),
    ]
    assert [each.plugin_name() for each in loaded.plugins()][-1] == "slack"  # it lacks a variable, no more
    assert (
        check_text(Source(env={}, start=tmp_path))
        .splitlines()[0]
        .endswith("no problems in 2 checks, target command, 2 channels, 1 environment (production).")
    )


def test_what_is_switched_off_needs_no_driver() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Remote(Check):
        needs: ClassVar[str] = "ssh"

    named = Named(name="far", plugin=Remote())
    config = Config()
    with_it = replace(config, verify=replace(config.verify, checks=(named,)))
    assert with_it.needs() == {"ssh"}
    without = replace(config, verify=replace(config.verify, checks=(replace(named, enabled=False),)))
    assert without.needs() == frozenset()
    assert without.enabled().verify.checks == ()


def test_every_family_is_a_folder_with_a_base_that_says_its_two_words() -> None:
    bases = family_bases()
    assert all((ROOT / "ci_ops" / name / "__init__.py").is_file() for name in bases)
    assert {base.family_word for base in bases.values()} >= {"check", "target", "channel", "format"}
    assert all(issubclass(base, Plugin) for base in bases.values())
    assert families_in(record_of(Config)) == {"checks": True, "targets": False, "channels": True}


def test_a_reason_carries_the_status_of_the_runs_that_end_so() -> None:
    for name, reason in REASONS.items():
        assert Report(command="verify", reason=name).status is reason.status
        assert reason.status.is_good is (reason.exit_code == 0)
