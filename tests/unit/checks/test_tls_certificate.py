"""The certificate is judged before a deployment, and nothing else of the service is asked."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ci_ops.checks.tls_certificate import TlsCertificate
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Phase
from ci_ops.core.result import Result
from tests.support.certificates import DAY, Authority, authority, context_of, server_context
from tests.support.checking import a_subject, a_world, a_world_without_ipv6, rules_of, the_result
from tests.support.tls_shop import Shop, issued

EXAMPLE = TlsCertificate()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with ExitStack() as stack:
        yield Shop(stack, tmp_path)


@cache
def weak_key() -> Any:
    return rsa.generate_private_key(65537, 1024)


def broken(rule: str) -> ssl.SSLContext:
    """A server whose certificate breaks that rule alone."""
    match rule:
        case "certificate":
            return server_context("127.0.0.1", begins=-30 * DAY, ends=-DAY)
        case "expires":
            return server_context("127.0.0.1", begins=-80 * DAY, ends=10 * DAY)
        case "incomplete-chain":
            middle = Authority("middle", by=authority())
            return context_of(issued(middle, chain=b"", issuer_address="http://ca.test/middle.der"))
        case "expired-extra":
            old = Authority("old root", begins=-900 * DAY, ends=-DAY)
            return context_of(issued(chain=old.pem))
        case _:
            return context_of(issued(key=weak_key()), security_level=0)


def look(shop: Shop, host: str = "127.0.0.1", **settings: Any) -> Result:
    return shop.look(host, kind=TlsCertificate, **settings)


def test_a_good_certificate_passes_without_a_request(shop: Shop) -> None:
    service = shop.serve()
    result = look(shop)
    assert (result.status, result.measured) == (Status.PASS, 1)
    assert result.sentence.endswith("is valid, 90.0 days left.")
    assert service.asked == []
    assert TlsCertificate.phases == {Phase.READINESS}


@pytest.mark.reports("tls-certificate/{rule}")
@pytest.mark.parametrize("rule", ["certificate", "expires", "incomplete-chain", "expired-extra", "weak"])
def test_a_broken_certificate_gives_its_own_finding_and_no_other(shop: Shop, rule: str) -> None:
    shop.serve_with(broken(rule))
    result = look(shop)
    assert result.status is not Status.PASS
    assert [each.rule for each in result.findings] == [f"tls-certificate/{rule}"]


@pytest.mark.reports("tls-certificate/expires")
def test_days_can_be_said_instead_of_a_share(shop: Shop) -> None:
    shop.serve(ends=20 * DAY, begins=-70 * DAY)
    assert look(shop, warn_days=10, fail_days=5).status is Status.PASS
    assert look(shop, warn_days=40, fail_days=30).status is Status.FAIL


@pytest.mark.usefixtures("shop_test")
@pytest.mark.reports("tls-certificate/differs")
def test_every_address_of_the_name_is_looked_at(shop: Shop) -> None:
    shop.serve()
    shop.serve(host="127.0.0.2")
    result = look(shop, "shop.test")
    assert (result.status, rules_of(result), result.measured) == (Status.WARN, ["differs"], 2)


@pytest.mark.reports("tls-certificate/unreachable")
def test_a_server_that_does_not_answer_fails(shop: Shop) -> None:
    shop.serve()
    shop.stack.close()
    result = look(shop)
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"], 0)


@pytest.mark.reports("tls-certificate/not-asked")
def test_a_name_without_an_address_is_an_error() -> None:
    subject = a_subject(url="https://shop.test/")
    result = the_result(TlsCertificate(), subject, a_world_without_ipv6())
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-asked"], 0)


@pytest.mark.reports("tls-certificate/url")
@pytest.mark.parametrize("url", ["", "ftp://shop.test"])
def test_without_a_usable_address_it_is_an_error(url: str) -> None:
    result = the_result(TlsCertificate(), a_subject(url=url), a_world())
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["url"], 0)


def test_an_http_address_is_skipped_for_a_stated_reason() -> None:
    result = the_result(TlsCertificate(), a_subject(url="http://127.0.0.1:1/"), a_world())
    assert (result.status, result.measured) == (Status.SKIP, 0)
