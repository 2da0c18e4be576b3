from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from ssl import TLSVersion
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from ci_ops.checks.tls import Tls
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import Http, Response
from ci_ops.core.ports.tls import Certificate
from ci_ops.core.ports.tls import Tls as TlsPort
from ci_ops.core.result import Result
from ci_ops.edge.world import RealWorld
from tests.support.certificates import (
    DAY,
    Authority,
    authority,
    bundle,
    context_of,
    server_context,
    stranger,
)
from tests.support.checking import a_subject, a_world_without_ipv6, clean_env, rules_of, the_result
from tests.support.sample_service import Answer, sample_service, text
from tests.support.tls_shop import Shop, issued
from tests.support.tunnels import tunnel
from tests.support.web import Reply, serving

EXAMPLE = Tls()

DAY_SECONDS = 86_400


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with ExitStack() as stack:
        yield Shop(stack, tmp_path)


def test_a_good_certificate_passes_with_its_days(shop: Shop) -> None:
    shop.serve()
    result = shop.look()
    assert (result.status, result.measured) == (Status.PASS, 1)
    assert result.facts["days_left"] == 90.0
    assert result.facts["addresses"] == ["127.0.0.1"]
    assert result.facts["protocol"].startswith("TLSv1.")
    assert result.sentence.endswith("is valid, 90.0 days left.")


@pytest.mark.parametrize(
    ("names", "more", "problem"),
    [
        (("other.test",), {}, "is not valid for this host name"),
        (("127.0.0.1",), {"begins": -30 * DAY, "ends": -DAY}, "has expired"),
        (("127.0.0.1",), {"begins": DAY, "ends": 30 * DAY}, "is not valid yet"),
        (("127.0.0.1",), {"by": None}, "has no complete chain to a trusted root"),
    ],
)
def test_a_bad_certificate_fails_and_is_not_asked_again(
    shop: Shop, names: tuple[str, ...], more: dict[str, Any], problem: str
) -> None:
    shop.serve(*names, **({"by": stranger()} if "by" in more else more))
    result = shop.look()
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["certificate"], False)
    assert problem in result.sentence
    assert names[0] in result.findings[0].observed


@pytest.mark.parametrize(
    ("begins", "ends", "status"),
    [
        (60, 31, Status.PASS),
        (61, 29, Status.WARN),
        (80, 10, Status.FAIL),
        (1, 5, Status.PASS),
        (4, 2.9, Status.WARN),
        (5, 1, Status.FAIL),
        (10, 1.5, Status.FAIL),
    ],
)
def test_how_soon_an_expiry_matters_follows_from_the_lifetime(
    shop: Shop, begins: float, ends: float, status: Status
) -> None:
    shop.serve(begins=-timedelta(days=begins), ends=timedelta(days=ends))
    result = shop.look()
    assert result.status is status
    assert rules_of(result) == ([] if status is Status.PASS else ["expires"])


@pytest.mark.parametrize(("ends", "status"), [(1, Status.FAIL), (25, Status.WARN), (80, Status.PASS)])
def test_a_chain_holds_as_long_as_its_first_certificate_that_ends(
    shop: Shop, ends: int, status: Status
) -> None:
    shop.serve(by=Authority("middle", by=authority(), ends=ends * DAY))
    result = shop.look()
    assert (result.status, result.facts["days_left"]) == (status, float(ends))
    if status is not Status.PASS:
        assert rules_of(result) == ["expires"]
        assert f"ends in {ends}.0 days, when its issuer O=middle expires." in result.sentence


@pytest.mark.reports("tls/certificate")
def test_behind_a_proxy_the_handshake_goes_through_it(tmp_path: Path) -> None:
    with (
        serving(lambda _: Reply(), context=server_context("shop.test", ends=-DAY, begins=-9 * DAY)) as server,
        serving(tunnel(server.port)) as middle,
    ):
        env = clean_env(SSL_CERT_FILE=str(bundle(tmp_path)), HTTPS_PROXY=middle.url())
        subject = a_subject(url="https://shop.test/health", timeout_seconds=5.0)
        result = the_result(Tls(), subject, RealWorld(env=env))
        assert (result.status, rules_of(result)) == (Status.FAIL, ["certificate"])
        assert result.findings[0].observed == "shop.test: certificate has expired"
        assert result.facts["addresses"] == []


@pytest.mark.reports("tls/expires")
def test_days_can_be_said_instead(shop: Shop) -> None:
    shop.serve(ends=20 * DAY, begins=-70 * DAY)
    assert shop.look().status is Status.WARN
    assert shop.look(warn_days=10, fail_days=5).status is Status.PASS
    assert shop.look(fail_days=25).status is Status.FAIL


@given(st.floats(3_600, 400 * DAY_SECONDS))
def test_the_limit_to_fail_is_never_above_the_limit_to_warn_for_ordinary_lifetimes(lifetime: float) -> None:
    warn, fail = Tls().limits(lifetime)
    assert 0 < fail < warn < lifetime


@pytest.mark.usefixtures("shop_test")
@pytest.mark.reports("tls/differs")
def test_one_address_with_another_certificate_is_a_warning(shop: Shop) -> None:
    shop.serve()
    shop.serve(host="127.0.0.2")
    result = shop.look("shop.test")
    assert (result.status, rules_of(result), result.measured) == (Status.WARN, ["differs"], 2)
    assert "127.0.0.2: until " in result.findings[0].observed


@pytest.mark.usefixtures("shop_test")
def test_one_address_with_an_old_certificate_fails(shop: Shop) -> None:
    shop.serve()
    shop.serve(host="127.0.0.2", begins=-90 * DAY, ends=-DAY)
    result = shop.look("shop.test")
    assert result.status is Status.FAIL
    assert rules_of(result) == ["certificate", "differs"]
    assert "at 127.0.0.2" in result.findings[0].observed


@pytest.mark.usefixtures("shop_test")
def test_one_address_that_does_not_answer_fails(shop: Shop) -> None:
    shop.serve()
    result = shop.look("shop.test")
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"], 1)
    assert "at 127.0.0.2" in result.sentence


@pytest.mark.reports("tls/not-asked")
def test_an_ipv6_address_without_a_way_to_it_is_left_out(shop: Shop) -> None:
    shop.serve()
    world = a_world_without_ipv6("127.0.0.1", "2001:db8::1", SSL_CERT_FILE=str(bundle(shop.folder)))
    assert shop.look("shop.test", world=world).measured == 1
    nothing = shop.look("shop.test", world=a_world_without_ipv6("2001:db8::1"))
    assert (nothing.status, rules_of(nothing)) == (Status.ERROR, ["not-asked"])


@pytest.mark.reports("tls/unreachable")
def test_a_server_that_speaks_no_tls_fails() -> None:
    with sample_service() as plain:
        subject = a_subject(url=f"https://127.0.0.1:{plain.port}/", timeout_seconds=2.0)
        result = the_result(Tls(), subject, RealWorld(env=clean_env()))
    assert (result.status, rules_of(result), result.measured) == (Status.FAIL, ["unreachable"], 0)


def test_a_dead_server_fails_and_an_unknown_name_is_an_error(shop: Shop) -> None:
    shop.serve()
    shop.stack.close()
    result = shop.look()
    assert (result.status, rules_of(result), result.transient) == (Status.FAIL, ["unreachable"], True)
    result = shop.look("shop.invalid")
    assert (result.status, rules_of(result), result.measured) == (Status.ERROR, ["not-asked"], 0)


def test_an_http_address_is_skipped_for_a_stated_reason(shop: Shop) -> None:
    result = the_result(Tls(), a_subject(url="http://127.0.0.1:1/"), shop.world())
    assert (result.status, result.measured) == (Status.SKIP, 0)
    assert "starts with http://" in result.sentence


@pytest.mark.reports("tls/url")
def test_an_unusable_address_is_an_error(shop: Shop) -> None:
    result = the_result(Tls(), a_subject(url=""), shop.world())
    assert (result.status, rules_of(result)) == (Status.ERROR, ["url"])


class UsualPorts(RealWorld):
    """This machine, where ports 443 and 80 are those of the test's servers."""

    def __init__(self, shop: Shop, plain_port: int) -> None:
        super().__init__(env=clean_env(SSL_CERT_FILE=str(bundle(shop.folder))))
        self.tls_port, self.plain_port = shop.port, plain_port

    @property
    def http(self) -> Http:
        return _UsualHttp(super().http, self)

    @property
    def tls(self) -> TlsPort:
        return _UsualTls(super().tls, self)


@dataclass
class _UsualHttp:
    inner: Http
    world: UsualPorts

    def request(self, method: str, url: str, **more: Any) -> Response:
        url = url.replace("http://127.0.0.1/", f"http://127.0.0.1:{self.world.plain_port}/")
        return self.inner.request(method, url, **more)

    def addresses(self, url: str, *, timeout_seconds: float) -> tuple[str, ...]:
        return self.inner.addresses(url, timeout_seconds=timeout_seconds)


@dataclass
class _UsualTls:
    inner: TlsPort
    world: UsualPorts

    def accepts(
        self, host: str, port: int, *, version: str, address: str, timeout_seconds: float
    ) -> bool | None:
        assert port == 443
        port = self.world.tls_port
        return self.inner.accepts(
            host, port, version=version, address=address, timeout_seconds=timeout_seconds
        )

    def certificate(self, host: str, port: int, *, address: str, timeout_seconds: float) -> Certificate:
        assert port == 443
        port = self.world.tls_port
        return self.inner.certificate(host, port, address=address, timeout_seconds=timeout_seconds)


def usual(shop: Shop, plain_port: int, **settings: Any) -> Result:
    subject = a_subject(url="https://robot:secret@127.0.0.1/health", timeout_seconds=2.0)
    return the_result(Tls(**settings), subject, UsualPorts(shop, plain_port))


@pytest.mark.parametrize(
    ("status", "location", "fact"),
    [
        (301, "https://127.0.0.1/", "leads to https"),
        (308, "https://127.0.0.1/start", "leads to https"),
        (301, "https://other.test/", "does not lead to https"),
        (301, "http://127.0.0.1/start", "does not lead to https"),
        (301, "/start", "does not lead to https"),
        (301, "https://[broken", "does not lead to https"),
        pytest.param(200, "", "does not lead to https", marks=pytest.mark.reports("tls/no-redirect")),
    ],
)
def test_plain_http_has_to_lead_to_https_on_the_same_host(
    shop: Shop, status: int, location: str, fact: str
) -> None:
    shop.serve()
    with sample_service() as plain:
        plain.says("/", text("", status, **({"Location": location} if location else {})))
        result = usual(shop, plain.port)
    assert result.facts["http"] == fact
    assert result.status is (Status.PASS if fact == "leads to https" else Status.WARN)
    assert rules_of(result) == ([] if result.status is Status.PASS else ["no-redirect"])


def test_a_closed_port_80_is_fine_and_the_look_at_it_can_be_left_out(shop: Shop) -> None:
    shop.serve()
    with sample_service() as plain:
        assert "http" not in usual(shop, plain.port, redirect=False).facts
        closed = plain.port
    result = usual(shop, closed)
    assert (result.status, result.facts["http"]) == (Status.PASS, "closed")


def test_the_port_of_the_address_is_the_one_that_is_looked_at(shop: Shop) -> None:
    shop.serve()
    assert "http" not in shop.look().facts


def test_a_handshake_that_tells_no_dates_is_still_a_handshake(shop: Shop) -> None:
    shop.serve()

    @dataclass
    class Terse:
        def certificate(self, *_: object, address: str, **__: object) -> Certificate:
            return Certificate(address=address, protocol="TLSv1.3", verified=True)

        def accepts(self, *_: object, **__: object) -> None:
            """As where this machine's OpenSSL has no such version."""

    class TerseWorld(RealWorld):
        @property
        def tls(self) -> Any:
            return Terse()

    result = shop.look(world=TerseWorld(env=clean_env()))
    assert (result.status, "days_left" in result.facts) == (Status.PASS, False)
    assert result.sentence.endswith("is valid; TLS 1.0, TLS 1.1, TLS 1.2, TLS 1.3 could not be tried.")
    assert set(result.facts["versions"].values()) == {"not tried"}


@pytest.mark.parametrize(
    ("versions", "rules", "told"),
    [
        ((TLSVersion.TLSv1, TLSVersion.TLSv1_3), ["old-protocol"], "accepts TLS 1.0 and TLS 1.1."),
        ((TLSVersion.TLSv1_1, TLSVersion.TLSv1_3), ["old-protocol"], "accepts TLS 1.1."),
        ((TLSVersion.TLSv1_2, TLSVersion.TLSv1_2), ["no-new-protocol"], "refuses TLS 1.3."),
        ((TLSVersion.TLSv1_3, TLSVersion.TLSv1_3), [], "is valid, 90.0 days left."),
        ((TLSVersion.TLSv1_2, TLSVersion.TLSv1_3), [], "is valid, 90.0 days left."),
    ],
)
@pytest.mark.reports("tls/{rules}")
def test_each_version_is_tried_by_its_own_handshake(
    shop: Shop, versions: tuple[TLSVersion, ...], rules: list[str], told: str
) -> None:
    shop.serve_with(context_of(issued(), *versions, security_level=0))
    result = shop.look()
    assert (rules_of(result), result.status) == (rules, Status.WARN if rules else Status.PASS)
    assert result.sentence.endswith(told)
    accepted = {name for name, said in result.facts["versions"].items() if said == "accepted"}
    assert accepted == {
        name.replace("_", ".") for name in TLSVersion.__members__ if name in _between(*versions)
    }
    assert shop.look(protocols=False).status is Status.PASS


def _between(first: TLSVersion, last: TLSVersion) -> set[str]:
    return {each.name for each in TLSVersion if first <= each <= last}


@pytest.mark.usefixtures("shop_test")
def test_one_address_with_an_old_version_is_named(shop: Shop) -> None:
    leaf = issued()
    shop.serve_with(context_of(leaf))
    old = context_of(leaf, TLSVersion.TLSv1_1, TLSVersion.TLSv1_2, security_level=0)
    shop.serve_with(old, host="127.0.0.2")
    result = shop.look("shop.test", hsts=False)
    assert rules_of(result) == ["old-protocol", "no-new-protocol"]
    assert [each.observed for each in result.findings] == ["TLSv1.1 at 127.0.0.2", "refused at 127.0.0.2"]


AIA = "http://ca.test/middle.der"


def test_an_intermediate_that_is_not_sent_fails_although_browsers_fetch_it(shop: Shop) -> None:
    middle = Authority("middle", by=authority())
    shop.serve_with(context_of(issued(middle, chain=b"", issuer_address=AIA)))
    result = shop.look()
    assert (result.status, rules_of(result)) == (Status.FAIL, ["incomplete-chain"])
    assert result.findings[0].observed == "not sent: O=middle at 127.0.0.1"


@pytest.mark.reports("tls/incomplete-chain")
def test_an_intermediate_of_this_machine_alone_is_a_warning(shop: Shop) -> None:
    middle = Authority("middle", by=authority())
    shop.serve_with(context_of(issued(middle, chain=b"")))
    store = shop.folder / "both.pem"
    store.write_bytes(authority().pem + middle.pem)
    result = shop.look(world=RealWorld(env=clean_env(SSL_CERT_FILE=str(store))))
    assert (result.status, rules_of(result)) == (Status.WARN, ["incomplete-chain"])
    assert "O=middle" in result.findings[0].observed


@pytest.mark.parametrize("address", ["", AIA])
def test_a_whole_chain_to_an_unknown_root_is_not_called_incomplete(shop: Shop, address: str) -> None:
    shop.serve_with(context_of(issued(Authority("middle", by=stranger()), issuer_address=address)))
    assert rules_of(shop.look()) == ["certificate"]


@pytest.mark.reports("tls/expired-extra")
def test_an_expired_certificate_that_is_sent_without_need_is_a_warning(shop: Shop) -> None:
    old = Authority("old root", begins=-900 * DAY, ends=-DAY)
    shop.serve_with(context_of(issued(chain=old.pem)))
    result = shop.look()
    assert (result.status, rules_of(result)) == (Status.WARN, ["expired-extra"])
    assert result.findings[0].observed == "O=old root at 127.0.0.1"


@pytest.mark.reports("tls/weak")
def test_a_weak_key_fails_and_is_named(shop: Shop) -> None:
    key = rsa.generate_private_key(65537, 1024)
    shop.serve_with(context_of(issued(key=key), security_level=0))
    result = shop.look()
    assert (result.status, rules_of(result)) == (Status.FAIL, ["weak"])
    assert "RSA 1024 signed with SHA-256" in result.findings[0].observed


def test_key_and_signature_of_a_good_certificate_are_told(shop: Shop) -> None:
    shop.serve()
    facts = shop.look().facts
    assert (facts["key"], facts["signature"]) == ("EC 256", "SHA-256")


YEAR = "max-age=31536000; includeSubDomains"


@pytest.mark.usefixtures("shop_test")
@pytest.mark.parametrize(
    ("answers", "fact"),
    [
        ({"/health": text("", Strict_Transport_Security=YEAR)}, "sent"),
        ({"/": text("", Strict_Transport_Security='Max-Age="63072000"')}, "sent"),
        ({"/health": text("", 301, Location="/x", Strict_Transport_Security=YEAR)}, "sent"),
        pytest.param({"/health": text("")}, "missing", marks=pytest.mark.reports("tls/hsts")),
        ({"/health": text("", Strict_Transport_Security="max-age=0")}, "missing"),
        ({"/health": text("", Strict_Transport_Security="max-age=0, max-age=31536000")}, "missing"),
        ({"/health": text("", Strict_Transport_Security="max-age=300")}, "short"),
        ({}, "not measured"),
        ({"/health": text("", 503, Strict_Transport_Security=YEAR)}, "not measured"),
    ],
)
def test_hsts_is_looked_for_in_answers_without_an_error(
    shop: Shop, answers: dict[str, Answer], fact: str
) -> None:
    leaf = issued()
    for host in ("127.0.0.1", "127.0.0.2"):
        service = shop.serve_with(context_of(leaf), host=host)
        for path, answer in answers.items():
            service.says(path, answer)
    result = shop.look("shop.test", hsts=True)
    assert result.facts["hsts"] == fact
    assert rules_of(result) == (["hsts"] if fact in {"missing", "short"} else [])
    assert "hsts" not in shop.look("shop.test").facts
    assert "hsts" not in shop.look("127.0.0.1", hsts=True).facts
