"""A service that refuses the probe: the release is kept, because nothing was said about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ci_ops.core.delivery.record import State
from ci_ops.core.report import Report
from ci_ops.flows.deploy import DeployOptions
from ci_ops.flows.rollback import RollbackOptions
from tests.support.sample_service import Answer, SampleService, said, sample_service, text
from tests.support.shop import CONFIG, ONE, TWO, Shop, id_of

THROTTLED = text("slow down", 429)
BLOCKED = text("", 403, Retry_After="900")
CHALLENGE = text("Just a moment...", 403, CF_Mitigated="challenge")


@pytest.fixture
def front(shop: Shop) -> Iterator[SampleService]:
    """The shop's own service in front, whose health route a test lets refuse the probe."""
    with sample_service() as service:
        service.does("/__version__", lambda _: said({"commit": shop.service.revision}))
        service.does("/health", lambda _: said({"status": "pass"}))
        shop.write_config(CONFIG.replace("URL", service.url("/health")))
        yield service


def refusing(shop: Shop, front: SampleService, answer: Answer, *, revision: str = TWO) -> None:
    healthy = said({"status": "pass"})
    front.does("/health", lambda _: answer if shop.service.revision == revision else healthy)


def rules(report: Report) -> set[str]:
    return {finding.rule for result in (*report.results, *report.proof) for finding in result.findings}


@pytest.mark.parametrize(
    ("answer", "rule"),
    [(THROTTLED, "health/throttled"), (BLOCKED, "health/blocked"), (CHALLENGE, "health/gate")],
)
def test_a_release_is_kept_unverified_where_the_probe_is_refused(
    shop: Shop, front: SampleService, answer: Answer, rule: str
) -> None:
    shop.deploy(ONE)
    refusing(shop, front, answer)
    report = shop.deploy(TWO)
    assert (report.verdict, report.exit_code, rules(report)) == ("refused", 3, {rule})
    assert shop.service.revision == TWO
    assert shop.history[0].state is State.UNVERIFIED
    front.does("/health", lambda _: said({"status": "pass"}))
    assert shop.verify(id_of(report)).verdict == "ok"


def test_an_action_that_verifies_later_comes_to_the_same_verdict(shop: Shop, front: SampleService) -> None:
    shop.deploy(ONE)
    refusing(shop, front, THROTTLED)
    second = shop.deploy(TWO, DeployOptions(verify=False))
    assert shop.verify(id_of(second)).verdict == "refused"
    assert shop.verify(revision=TWO).verdict == "refused"
    assert shop.history[0].state is State.UNVERIFIED


def test_a_403_that_the_address_answered_before_the_deployment_too_rolls_nothing_back(
    shop: Shop, front: SampleService
) -> None:
    shop.deploy(ONE)
    front.says("/health", text("no", 403))
    report = shop.deploy(TWO)
    assert (report.verdict, rules(report), shop.service.revision) == ("refused", {"health/blocked"}, TWO)


def test_a_403_of_the_new_release_alone_is_its_failure(shop: Shop, front: SampleService) -> None:
    shop.deploy(ONE)
    refusing(shop, front, text("no", 403))
    report = shop.deploy(TWO)
    assert (report.verdict, rules(report), shop.service.revision) == (
        "rolled-back",
        {"health/status"},
        ONE,
    )


def test_a_rollback_whose_proof_is_refused_did_not_fail(shop: Shop, front: SampleService) -> None:
    shop.deploy(ONE)
    shop.deploy(TWO)
    front.says("/health", THROTTLED)
    report = shop.rollback(RollbackOptions())
    assert (report.verdict, shop.service.revision) == ("unproven", ONE)
    assert "the service refused the probe" in report.sentence


def test_a_failed_release_is_undone_although_the_proof_is_refused(shop: Shop, front: SampleService) -> None:
    shop.deploy(ONE)
    front.does("/health", lambda _: text("boom", 500) if shop.service.revision == TWO else THROTTLED)
    report = shop.deploy(TWO)
    assert (report.verdict, shop.service.revision) == ("rolled-back", ONE)
    assert "nothing proves it" in report.sentence
