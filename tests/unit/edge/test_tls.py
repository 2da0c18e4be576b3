"""Handshakes with real servers, and certificates good and bad."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from ssl import TLSVersion
from typing import TYPE_CHECKING

import pytest

from ci_ops.core.ports.http import HttpError
from ci_ops.core.ports.tls import VERSIONS
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.tls import RealTls
from tests.support.certificates import (
    DAY,
    Authority,
    authority,
    bundle,
    context_of,
    server_context,
    stranger,
)
from tests.support.tunnels import tunnel
from tests.support.web import Reply, ignoring, refusing, serving

if TYPE_CHECKING:
    from pathlib import Path

AMPLE_SECONDS = 20.0
NAME = "service.invalid"


def make(tmp_path: Path) -> RealTls:
    return RealTls(env={"SSL_CERT_FILE": str(bundle(tmp_path))}, stop=StopSignal())


def test_a_good_certificate_is_verified_and_described(tmp_path: Path) -> None:
    context = server_context(NAME, "127.0.0.1", begins=-10 * DAY, ends=20 * DAY)
    with serving(lambda _: Reply(), context=context) as server:
        seen = make(tmp_path).certificate(
            NAME, server.port, address="127.0.0.1", timeout_seconds=AMPLE_SECONDS
        )
    assert (seen.verified, seen.problem, seen.detail) == (True, "", "")
    assert (seen.address, seen.protocol) == ("127.0.0.1", "TLSv1.3")
    assert seen.subject_names == (NAME, "127.0.0.1")
    assert "O=Tests' own authority" in seen.issuer
    assert seen.not_before is not None
    assert seen.not_after is not None
    assert seen.not_after - seen.not_before == 30 * DAY
    assert abs(seen.not_after - datetime.now(UTC) - 20 * DAY) < timedelta(minutes=1)
    assert len(seen.serial) % 2 == 0
    assert server.asked == []


@pytest.mark.parametrize(
    ("name", "context", "problem"),
    [
        ("other.invalid", server_context(NAME), "hostname"),
        ("127.0.0.1", server_context(NAME), "hostname"),
        (NAME, server_context(NAME, begins=-20 * DAY, ends=-DAY), "expired"),
        (NAME, server_context(NAME, begins=DAY, ends=20 * DAY), "not-yet-valid"),
        (NAME, server_context(NAME, by=stranger()), "chain"),
    ],
)
def test_a_bad_certificate_is_described_with_what_is_wrong(
    tmp_path: Path, name: str, context: ssl.SSLContext, problem: str
) -> None:
    with serving(lambda _: Reply(), context=context) as server:
        seen = make(tmp_path).certificate(
            name, server.port, address="127.0.0.1", timeout_seconds=AMPLE_SECONDS
        )
    assert (seen.verified, seen.problem) == (False, problem)
    assert seen.detail
    assert seen.subject_names == (NAME,)
    assert seen.not_after is not None
    assert seen.serial
    assert server.asked == []


@pytest.mark.parametrize(("root_ends", "middle_ends", "first"), [(30, 4, "middle"), (3, 20, "root")])
def test_the_first_issuer_of_the_chain_that_ends_is_named(
    tmp_path: Path, root_ends: int, middle_ends: int, first: str
) -> None:
    root = Authority("root", ends=root_ends * DAY)
    middle = Authority("middle", by=root, ends=middle_ends * DAY)
    tls = RealTls(env={"SSL_CERT_FILE": str(bundle(tmp_path, root))}, stop=StopSignal())
    with serving(lambda _: Reply(), context=server_context(NAME, by=middle)) as server:
        seen = tls.certificate(NAME, server.port, address="127.0.0.1", timeout_seconds=AMPLE_SECONDS)
    assert seen.verified
    assert seen.chain_ends_with == f"O={first}"
    assert seen.chain_not_after is not None
    left = seen.chain_not_after - datetime.now(UTC)
    assert abs(left - min(root_ends, middle_ends) * DAY) < timedelta(minutes=1)


def test_a_chain_that_was_not_verified_has_no_end(tmp_path: Path) -> None:
    context = server_context(NAME, by=Authority("middle", by=stranger()))
    with serving(lambda _: Reply(), context=context) as server:
        seen = make(tmp_path).certificate(
            NAME, server.port, address="127.0.0.1", timeout_seconds=AMPLE_SECONDS
        )
    assert (seen.verified, seen.chain_not_after, seen.chain_ends_with) == (False, None, "")
    assert seen.not_after is not None


@pytest.mark.parametrize("encrypted", [False, True])
def test_the_handshake_goes_through_the_proxy_of_the_environment(tmp_path: Path, encrypted: bool) -> None:
    context = server_context() if encrypted else None
    with (
        serving(lambda _: Reply(), context=server_context(NAME)) as server,
        serving(tunnel(server.port), context=context) as middle,
    ):
        env = {"SSL_CERT_FILE": str(bundle(tmp_path)), "HTTPS_PROXY": middle.url().replace("://", "://u:p@")}
        tls = RealTls(env=env, stop=StopSignal())
        seen = tls.certificate(NAME, 443, address="", timeout_seconds=AMPLE_SECONDS)
        wrong = tls.certificate("other.invalid", 443, address="", timeout_seconds=AMPLE_SECONDS)
    assert (seen.verified, seen.address, seen.subject_names) == (True, "", (NAME,))
    assert seen.chain_not_after is not None
    assert (wrong.verified, wrong.problem, wrong.subject_names) == (False, "hostname", (NAME,))
    assert (middle.asked[0].method, middle.asked[0].target) == ("CONNECT", f"{NAME}:443")
    assert middle.asked[0].headers["proxy-authorization"] == "Basic dTpw"


def test_an_address_that_is_given_is_reached_without_the_proxy(tmp_path: Path) -> None:
    with refusing() as port, serving(lambda _: Reply(), context=server_context(NAME)) as server:
        env = {"SSL_CERT_FILE": str(bundle(tmp_path)), "HTTPS_PROXY": f"http://127.0.0.1:{port}"}
        tls = RealTls(env=env, stop=StopSignal())
        seen = tls.certificate(NAME, server.port, address="127.0.0.1", timeout_seconds=AMPLE_SECONDS)
    assert (seen.verified, seen.address) == (True, "127.0.0.1")


@pytest.mark.parametrize(
    ("answer", "sentence", "transient"),
    [
        (Reply(status=407), "the proxy did not connect us to service.invalid and answered 407", False),
        (Reply(status=502), "the proxy did not connect us to service.invalid and answered 502", True),
        (None, "the proxy for service.invalid failed: it closed the connection without an answer", True),
    ],
)
def test_a_proxy_that_does_not_connect_is_told_as_one(
    answer: Reply | None, sentence: str, transient: bool
) -> None:
    with serving(lambda _: answer) as middle, pytest.raises(HttpError) as caught:
        RealTls(env={"https_proxy": middle.url()}, stop=StopSignal()).certificate(
            NAME, 443, address="", timeout_seconds=AMPLE_SECONDS
        )
    assert (caught.value.kind, caught.value.transient) == ("proxy", transient)
    assert caught.value.sentence == sentence


def test_a_proxy_that_cannot_be_reached_is_told_as_one() -> None:
    with refusing() as port, pytest.raises(HttpError) as caught:
        RealTls(env={"https_proxy": f"http://u:hunter22@127.0.0.1:{port}"}, stop=StopSignal()).certificate(
            NAME, 443, address="", timeout_seconds=AMPLE_SECONDS
        )
    assert (caught.value.kind, caught.value.transient) == ("proxy", True)
    assert caught.value.sentence == "the proxy for service.invalid cannot be reached (refused)"


def test_each_address_is_asked_by_itself(tmp_path: Path) -> None:
    tls = make(tmp_path)
    contexts = [server_context(NAME, ends=days * DAY) for days in (10, 40)]
    with (
        serving(lambda _: Reply(), context=contexts[0]) as four,
        serving(lambda _: Reply(), host="::1", context=contexts[1]) as six,
    ):
        seen = [
            tls.certificate(NAME, server.port, address=server.host, timeout_seconds=AMPLE_SECONDS)
            for server in (four, six)
        ]
    assert [each.address for each in seen] == ["127.0.0.1", "::1"]
    assert len({each.serial for each in seen}) == 2


def test_without_an_address_the_resolver_chooses(tmp_path: Path) -> None:
    with serving(lambda _: Reply(), context=server_context("localhost")) as server:
        seen = make(tmp_path).certificate("localhost", server.port, address="", timeout_seconds=AMPLE_SECONDS)
    assert (seen.verified, seen.address) == (True, "127.0.0.1")


def test_an_older_protocol_is_told(tmp_path: Path) -> None:
    context = server_context(NAME)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(lambda _: Reply(), context=context) as server:
        seen = make(tmp_path).certificate(
            NAME, server.port, address="127.0.0.1", timeout_seconds=AMPLE_SECONDS
        )
    assert seen.protocol == "TLSv1.2"


@pytest.mark.parametrize(
    ("versions", "accepted"),
    [
        ((TLSVersion.TLSv1, TLSVersion.TLSv1_3), VERSIONS),
        ((TLSVersion.TLSv1_2, TLSVersion.TLSv1_3), VERSIONS[2:]),
        ((TLSVersion.TLSv1_1, TLSVersion.TLSv1_1), VERSIONS[1:2]),
    ],
)
def test_each_version_is_accepted_or_refused_by_itself(
    tmp_path: Path, versions: tuple[TLSVersion, ...], accepted: tuple[str, ...]
) -> None:
    context = context_of(authority().issue("shop.test"), *versions, security_level=0)
    with serving(lambda _: Reply(), context=context) as server:
        found = {
            version: make(tmp_path).accepts(
                "shop.test", server.port, version=version, address="127.0.0.1", timeout_seconds=5
            )
            for version in VERSIONS
        }
    assert found == {version: version in accepted for version in VERSIONS}


def test_a_version_that_could_not_be_tried_is_neither_accepted_nor_refused(tmp_path: Path) -> None:
    with refusing() as port:
        answer = make(tmp_path).accepts("127.0.0.1", port, version="TLSv1.2", address="", timeout_seconds=5)
    assert answer is None


def test_given_authorities_win_over_the_environments(tmp_path: Path) -> None:
    tls = RealTls(env={"SSL_CERT_FILE": "/nowhere"}, stop=StopSignal(), ca_file=str(bundle(tmp_path)))
    with serving(lambda _: Reply(), context=server_context(NAME)) as server:
        for _ in range(2):
            assert tls.certificate(
                NAME, server.port, address="127.0.0.1", timeout_seconds=AMPLE_SECONDS
            ).verified


def test_without_any_named_authority_the_systems_are_trusted() -> None:
    with serving(lambda _: Reply(), context=server_context(NAME)) as server:
        seen = RealTls(env={}, stop=StopSignal()).certificate(
            NAME, server.port, address="127.0.0.1", timeout_seconds=AMPLE_SECONDS
        )
    assert seen.problem == "chain"


def test_where_nothing_listens_there_is_no_handshake(tmp_path: Path) -> None:
    with refusing() as port, pytest.raises(HttpError) as caught:
        make(tmp_path).certificate(NAME, port, address="127.0.0.1", timeout_seconds=AMPLE_SECONDS)
    assert caught.value.kind == "refused"
    assert caught.value.sentence == f"{NAME}:{port} refused the connection"


def test_where_nobody_answers_the_limit_of_time_holds(tmp_path: Path) -> None:
    started = time.monotonic()
    with ignoring() as port, pytest.raises(HttpError) as caught:
        make(tmp_path).certificate(NAME, port, address="127.0.0.1", timeout_seconds=0.3)
    assert caught.value.kind == "timeout"
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(HttpError) as caught:
        make(tmp_path).certificate(NAME, deaf.getsockname()[1], address="127.0.0.1", timeout_seconds=0.3)
    assert caught.value.kind == "timeout"
    assert 0.6 <= time.monotonic() - started < 3


def test_plain_http_is_no_handshake(tmp_path: Path) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        answering = threading.Thread(target=answer_in_plain, args=(listener,))
        answering.start()
        with pytest.raises(HttpError) as caught:
            make(tmp_path).certificate(
                "::1", listener.getsockname()[1], address="::1", timeout_seconds=AMPLE_SECONDS
            )
        answering.join()
    assert (caught.value.kind, caught.value.transient) == ("tls", False)
    assert caught.value.sentence.startswith("[::1]:")


def answer_in_plain(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("name", ["", ".", "a" * 70, "a\0b"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(HttpError) as caught:
        make(tmp_path).certificate(
            name, listener.getsockname()[1], address="127.0.0.1", timeout_seconds=AMPLE_SECONDS
        )
    assert caught.value.transient is False


def test_a_server_that_shows_itself_only_once_is_told_all_the_same(tmp_path: Path) -> None:
    context = server_context("other.invalid")
    with serving(lambda _: Reply(), context=context) as server:
        listener = server._listener

        def close_after_one() -> None:
            while server.connections < 1:
                threading.Event().wait(0.001)
            listener.shutdown(socket.SHUT_RDWR)

        closing = threading.Thread(target=close_after_one)
        closing.start()
        seen = make(tmp_path).certificate(
            NAME, server.port, address="127.0.0.1", timeout_seconds=AMPLE_SECONDS
        )
        closing.join()
    assert (seen.verified, seen.problem, seen.address) == (False, "hostname", "127.0.0.1")
