import pytest

from ci_ops.core.text.secret import Secret
from ci_ops.service.health.gate import FORWARDING_HEADERS, Asker, Gate, token_from_environment

TOKEN = "t" * 24


LOOPBACK = Gate(token=None, show_details="loopback")


def _asker(peer: str = "127.0.0.1", **headers: str) -> Asker:
    return Asker(peer=peer, headers=headers)


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "shop.localhost"])
def test_this_machine_sees_details_where_it_is_said_to_have_no_proxy(peer: str, host: str) -> None:
    assert LOOPBACK.admits(_asker(peer, host=host))
    assert LOOPBACK.admits(_asker(peer))
    assert not Gate(token=None).admits(_asker(peer, host=host))


@pytest.mark.parametrize("peer", ["", "203.0.113.9", "10.0.0.7", "unix", "::ffff:10.0.0.7"])
def test_nobody_else_does(peer: str) -> None:
    assert not LOOPBACK.admits(_asker(peer, host="localhost"))


@pytest.mark.parametrize("header", FORWARDING_HEADERS)
def test_a_local_proxy_speaks_for_somebody_else(header: str) -> None:
    assert not LOOPBACK.admits(Asker(peer="127.0.0.1", headers={header: "127.0.0.1"}))


def test_a_proxy_that_nobody_configured_speaks_http_1_0_and_is_nobody() -> None:
    by_default = Asker(peer="127.0.0.1", headers={"host": "127.0.0.1:8000"}, http_version="1.0")
    with_token = {**by_default.headers, "authorization": f"Bearer {TOKEN}"}

    assert not LOOPBACK.admits(by_default)
    assert Gate(token=Secret(TOKEN)).admits(Asker(peer="127.0.0.1", headers=with_token, http_version="1.0"))


def test_a_foreign_host_name_means_a_page_that_rebinds_its_address() -> None:
    assert not LOOPBACK.admits(_asker(host="evil.example.com"))


@pytest.mark.parametrize(
    ("header", "is_admitted"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer  {TOKEN} ", True),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer ", False),
        (f"Bearer {TOKEN}x", False),
        ("Bearer t\u00e9", False),
    ],
)
def test_the_token_admits_from_anywhere(header: str, is_admitted: bool) -> None:
    assert Gate(token=Secret(TOKEN)).admits(_asker("203.0.113.9", authorization=header)) is is_admitted


def test_without_a_token_no_bearer_is_admitted() -> None:
    assert not Gate(token=None).admits(_asker("203.0.113.9", authorization="Bearer "))


def test_the_application_may_admit_others_or_decide_for_all() -> None:
    remote = _asker("203.0.113.9", **{"x-user": "admin"})

    assert Gate(allow=lambda asker: asker.headers.get("x-user") == "admin").admits(remote)
    assert Gate(show_details="always").admits(remote)
    assert not Gate(show_details="never").admits(_asker())


def test_a_rule_that_fails_admits_nobody_and_breaks_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate(allow=lambda asker: asker.headers["x-user"] == "admin")

    assert not gate.admits(_asker("203.0.113.9"))
    assert "the rule that admits askers to health details failed" in caplog.text


def test_the_token_comes_from_the_environment_and_must_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert token_from_environment() is None
    monkeypatch.setenv("CI_OPS_HEALTH_TOKEN", TOKEN)
    assert Gate().token == Secret(TOKEN)
    monkeypatch.setenv("CI_OPS_HEALTH_TOKEN", "short")

    with pytest.raises(ValueError, match=r"CI_OPS_HEALTH_TOKEN.*16 characters") as caught:
        Gate()
    assert "short" not in str(caught.value)


def test_the_environment_opens_details_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_OPS_HEALTH_DETAILS", "loopback")
    assert Gate().admits(_asker())
    monkeypatch.setenv("CI_OPS_HEALTH_DETAILS", "")
    assert not Gate().admits(_asker())
    monkeypatch.setenv("CI_OPS_HEALTH_DETAILS", "local")

    with pytest.raises(
        ValueError, match="CI_OPS_HEALTH_DETAILS: 'local' is not one of never, when-authorized"
    ):
        Gate()
