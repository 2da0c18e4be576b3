"""A page of HTML where the release before answered a health document, and gates before a deployment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ci_ops.core.errors import CiOpsError
from ci_ops.core.health.status import Status
from ci_ops.core.report import Report
from ci_ops.flows.deploy import DeployOptions
from tests.support.sample_service import Answer, SampleService, said, sample_service, text
from tests.support.shop import CONFIG, ONE, TWO, Shop, id_of

PAGE = Answer(body=b"<!doctype html><title>Shop</title>", headers={"Content-Type": "text/html"})


@pytest.fixture
def front(shop: Shop) -> Iterator[SampleService]:
    """The shop's own service in front, whose health route the second release has lost to a page."""
    with sample_service() as service:
        service.does("/__version__", lambda _: said({"commit": shop.service.revision}))
        service.does("/health", lambda _: PAGE if shop.service.revision == TWO else said({"status": "pass"}))
        yield service


def status_of_health(report: Report) -> Status:
    return next(each.status for each in report.results if each.check == "health")


@pytest.mark.parametrize("health", ["", ", path: /health"])
def test_a_release_whose_health_document_became_a_page_is_rolled_back(
    shop: Shop, front: SampleService, health: str
) -> None:
    config = CONFIG.replace("URL", front.url() if health else front.url("/health"))
    shop.write_config(config.replace("successes: 1", f"successes: 1{health}"))
    assert shop.deploy(ONE).verdict == "ok"
    report = shop.deploy(TWO)
    assert (report.verdict, status_of_health(report)) == ("rolled-back", Status.FAIL)
    assert shop.service.revision == ONE


def test_an_action_that_verifies_later_comes_to_the_same_verdict(shop: Shop, front: SampleService) -> None:
    shop.write_config(CONFIG.replace("URL", front.url("/health")))
    shop.deploy(ONE)
    second = shop.deploy(TWO, DeployOptions(verify=False))
    report = shop.verify(id_of(second))
    assert (report.verdict, status_of_health(report)) == ("findings", Status.FAIL)


def test_a_page_that_was_always_there_is_a_warning(shop: Shop, front: SampleService) -> None:
    shop.write_config(CONFIG.replace("URL", front.url("/health")))
    front.says("/health", PAGE)
    assert shop.deploy(ONE).verdict == "warned"
    assert shop.deploy(TWO, DeployOptions(force=True)).verdict == "warned"


def test_a_gate_is_met_before_anything_is_changed(shop: Shop, front: SampleService) -> None:
    shop.write_config(CONFIG.replace("URL", front.url("/health")))
    shop.deploy(ONE)
    front.says("/health", text("Just a moment...", 403, CF_Mitigated="challenge"))
    with pytest.raises(CiOpsError, match=r"answered by a challenge of Cloudflare") as caught:
        shop.deploy(TWO)
    assert caught.value.reason.name == "unreachable-baseline"
    assert shop.service.revision == ONE


def test_a_front_page_that_sends_visitors_to_a_sign_in_is_no_gate(shop: Shop, front: SampleService) -> None:
    front.says("/", text("", 302, Location="https://id.example/login?client_id=shop"))
    config = CONFIG.replace("URL", front.url())
    shop.write_config(config.replace("successes: 1", "successes: 1, path: /health"))
    shop.deploy(ONE)
    assert shop.deploy(ONE, DeployOptions(force=True)).verdict == "ok"
