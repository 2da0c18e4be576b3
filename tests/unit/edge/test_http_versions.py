"""Interim answers before the final one, and servers that do not speak HTTP/1.1."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError

from ci_ops.edge.adapter import MAX_INTERIM_ANSWERS
from tests.support.asking import failure, get, make, sending
from tests.support.certificates import bundle
from tests.support.web import Asked, serving

if TYPE_CHECKING:
    from pathlib import Path

    from ci_ops.edge.http import RequestsHttp

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </app.css>; rel=preload\r\nX-Cache: HIT\r\n\r\n"
FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Name: final\r\n\r\nfinal"


@pytest.mark.parametrize("before", [HINTS, PROCESSING, HINTS * 3, CONTINUE + PROCESSING + HINTS])
def test_interim_answers_are_not_the_answer(http: RequestsHttp, before: bytes) -> None:
    with serving(sending(before + FINAL)) as server:
        answer = get(http, server.url())
    assert (answer.status, answer.text) == (200, "final")
    assert (answer.headers["x-name"], "x-cache" in answer.headers) == ("final", False)


def test_a_connection_is_used_again_after_an_interim_answer(http: RequestsHttp) -> None:
    def keep(asked: Asked) -> None:
        for _ in range(2):
            asked.send(HINTS + FINAL)
            asked.socket.recv(65536)

    with serving(keep) as server:
        assert [get(http, server.url()).status for _ in range(2)] == [200, 200]
        assert server.connections == 1


def test_switching_protocols_is_an_answer_because_nothing_follows_it(http: RequestsHttp) -> None:
    with serving(sending(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")) as server:
        assert get(http, server.url()).status == 101


def test_interim_answers_without_end_are_given_up(http: RequestsHttp) -> None:
    with serving(sending(HINTS * (MAX_INTERIM_ANSWERS + 1) + FINAL)) as server:
        error = failure(http, server.url())
    assert (error.kind, error.transient) == ("protocol", False)
    assert error.sentence.endswith("sends interim answers without end")


def test_an_interim_answer_alone_is_a_broken_connection(http: RequestsHttp) -> None:
    with serving(sending(HINTS)) as server:
        assert failure(http, server.url()).kind == "reset"


def test_a_server_that_speaks_http2_alone_is_said_to_do_so(http: RequestsHttp) -> None:
    def speak_http2(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            server = H2Connection(H2Configuration(client_side=False))
            server.initiate_connection()
            with pytest.raises(ProtocolError):
                server.receive_data(connection.recv(65536))  # our HTTP/1.1 is no preface of HTTP/2
            connection.sendall(server.data_to_send())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=speak_http2, args=(listener,))
        thread.start()
        error = failure(http, f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
    assert (error.kind, error.transient) == ("http2", False)
    assert error.sentence.endswith("supports HTTP/2 alone, and ci-ops uses HTTP/1.1")


def test_a_tls_server_that_takes_no_http1_is_said_to_speak_http2_alone(tmp_path: Path) -> None:
    alert = bytes((21, 3, 3, 0, 2, 2, 120))  # fatal, no_application_protocol: RFC 7301 section 3.2

    def refuse(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(alert)

    http = make(ca_file=bundle(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, args=(listener,))
        thread.start()
        error = failure(http, f"https://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
    http.close()
    assert (error.kind, error.transient) == ("http2", False)
    assert "HTTP/2 alone" in error.sentence


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"\x00\x00\x12\x04 not a frame\n", b"\n"])
def test_anything_else_that_is_not_http_is_called_so(http: RequestsHttp, answer: bytes) -> None:
    with serving(sending(answer)) as server:
        assert failure(http, server.url()).kind == "protocol"
