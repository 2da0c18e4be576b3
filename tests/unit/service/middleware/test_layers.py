"""Ids, exceptions, streams and the log, over ASGI and WSGI alike."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ci_ops.service.limits.client import ClientResolver
from ci_ops.service.logs.context import current_fields, current_request_id, pop_context, push_context
from ci_ops.service.logs.trace import outgoing_headers
from ci_ops.service.middleware.access import AccessLog
from ci_ops.service.middleware.asgi import ASGILayer
from ci_ops.service.middleware.wsgi import WSGILayer
from tests.support.layers import Kind, Kit, Said, asgi_app, ask_asgi, ask_wsgi, wsgi_app
from tests.support.log_lines import Lines

TRACE = "0af7651916cd43dd8448eb211c80319c"


@dataclass(frozen=True)
class _FrozenError(Exception):
    reason: str


def test_a_request_brings_its_id_or_gets_one_and_the_answer_says_it(kind: Kind, kit: Kit) -> None:
    seen: list[str] = []
    layer = kind.layer(kind.make(Said(before=lambda: seen.append(current_request_id()))), kit.options())
    told = [
        kind.send(layer, headers=headers).headers["x-request-id"]
        for headers in ([("X-Request-ID", "r-1")], [("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")], [])
    ]

    assert seen == told
    assert told[:2] == ["r-1", TRACE]
    assert len(told[2]) == 32


@pytest.mark.parametrize("sent", ["a\r\nSet-Cookie: x=1", "a" * 129, "<b>", "é", "a b"])
def test_an_id_that_could_do_harm_is_replaced(kind: Kind, kit: Kit, sent: str, lines: Lines) -> None:
    answer = kind.ask(Said(), kit.options(), headers=[("X-Request-ID", sent)])

    assert answer.headers["x-request-id"] != sent
    assert sent not in lines.text


def test_an_id_of_the_applications_own_stays(kind: Kind, kit: Kit) -> None:
    said = Said(headers=[("content-type", "application/json"), ("X-Request-Id", "own")])
    for changes in ({}, {"security": None}):
        assert kind.ask(said, kit.options(**changes)).headers["x-request-id"] == "own"
    assert kind.ask(Said(), kit.options(request_ids=False)).headers.get("x-request-id") is None


def test_the_context_ends_with_the_request(kind: Kind, kit: Kit) -> None:
    def work() -> None:
        with pytest.raises(LookupError):
            pop_context()
        push_context(order=7)
        assert outgoing_headers() == {"x-request-id": current_request_id()}

    layer = kind.layer(kind.make(Said(before=work)), kit.options())
    kind.send(layer)

    assert current_fields() == {}


def test_a_line_tells_what_was_asked_and_answered_and_no_query(kind: Kind, kit: Kit, lines: Lines) -> None:
    sent = [("User-Agent", "curl/8"), ("X-User-ID", "ada")]
    options = kit.options(resolver=ClientResolver(["203.0.113.9"]), user_header="X-User-ID")
    kind.ask(Said(chunks=[b"abc", b"de"]), options, "/orders", headers=sent, method="POST")

    line = lines.last
    told = {
        name: line[name] for name in ("method", "path", "route", "status", "bytes", "client", "user_agent")
    }
    assert told == {
        "method": "POST",
        "path": "/orders",
        "route": "(unmatched)",
        "status": 200,
        "bytes": 5,
        "client": "203.0.113.9",
        "user_agent": "curl/8",
    }
    assert (line["event"], line["event_type"], line["user_id"]) == ("http_request", "system_event", "ada")
    assert line["message"] == "POST (unmatched) 200"
    assert "query" not in lines.text


@pytest.mark.parametrize(
    "path", ["/a\nINFO forged", '/"}{', "/\x1b[2J", "/" + "x" * 5000, "/\udcff", "/töst"]
)
def test_a_hostile_path_stays_within_its_line(kit: Kit, path: str, lines: Lines) -> None:
    ask_asgi(ASGILayer(asgi_app(Said()), kit.options()), path.encode("utf-8", "replace").decode())
    ask_wsgi(WSGILayer(wsgi_app(Said()), kit.options()), path.encode("utf-8", "replace").decode("latin-1"))

    first, second = lines.all
    assert lines.text.count("\n") == 2
    assert first["path"] == second["path"]
    assert len(first["path"]) <= 512
    assert len(kit.series("http_requests_total")) == 1


def test_a_slow_request_is_a_warning_and_a_stream_is_not_slow(kind: Kind, kit: Kit, lines: Lines) -> None:
    log = AccessLog(slow_seconds=0.0, logger=lines.name)
    layer = kind.layer(kind.make(Said()), kit.options(access_log=log))
    kind.send(layer)
    stream = Said(headers=[("Content-Type", "text/event-stream")])
    kind.ask(stream, kit.options(access_log=log))

    assert [(line["event_type"], line["level"]) for line in lines.all] == [
        ("performance_event", "warning"),
        ("system_event", "info"),
    ]


def test_without_every_request_only_slow_ones_and_exceptions_are_told(
    kind: Kind, kit: Kit, lines: Lines
) -> None:
    options = kit.options(access_log=AccessLog(every_request=False, logger=lines.name))
    kind.ask(Said(), options)
    assert lines.text == ""
    kind.ask(Said(status=0, error=KeyError("k")), options)
    assert lines.last["level"] == "error"


def test_an_exception_is_answered_counted_logged_once_and_raised_again(
    kind: Kind, kit: Kit, lines: Lines
) -> None:
    error = RuntimeError("password=hunter2")
    answer = kind.ask(Said(status=0, error=error), kit.options())

    assert answer.error is error
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-request-id"] == lines.last["request_id"]
    assert answer.headers["content-length"] == "22"
    assert len(lines.all) == 1
    assert lines.last["exception"]["type"] == "RuntimeError"
    assert "hunter2" not in lines.text
    assert kit.series("http_request_exceptions_total") == {("(unmatched)", "RuntimeError"): 1}
    assert kit.series("http_requests_total") == {("GET", "(unmatched)", "500"): 1}
    assert kit.series("http_requests_in_progress") == {(): 0}


def test_an_exception_that_cannot_be_marked_is_told_and_raised_as_it_is(
    kind: Kind, kit: Kit, lines: Lines
) -> None:
    error = _FrozenError(reason="no stock")
    answer = kind.ask(Said(status=0, error=error), kit.options())

    assert answer.error is error
    assert lines.last["exception"]["type"] == "_FrozenError"


def test_an_exception_of_head_is_answered_without_a_body(kind: Kind, kit: Kit) -> None:
    answer = kind.ask(Said(status=0, error=KeyError()), kit.options(), method="HEAD")

    assert (answer.status, answer.body) == (500, b"")


def test_an_exception_in_the_middle_of_an_answer_is_counted_with_its_status(
    kind: Kind, kit: Kit, lines: Lines
) -> None:
    answer = kind.ask(Said(error=RuntimeError("late")), kit.options())

    assert isinstance(answer.error, RuntimeError)
    assert answer.status == 200
    assert lines.last["exception"]["text"] == "late"
    assert kit.series("http_request_exceptions_total") == {("(unmatched)", "RuntimeError"): 1}


def test_a_stream_has_the_headers_and_counts_to_its_end(kind: Kind, kit: Kit, lines: Lines) -> None:
    going: list[float] = []

    def chunks() -> Iterator[bytes]:
        for _ in range(3):
            going.append(kit.series("http_requests_in_progress")[()])
            yield b"event\n"

    answer = kind.ask(Said(chunks=chunks()), kit.options())

    assert answer.body == b"event\n" * 3
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert going == [1, 1, 1]
    assert lines.last["bytes"] == 18


def test_an_identity_that_fails_is_an_exception_of_the_application(kind: Kind, kit: Kit) -> None:
    def identify(_: Any) -> str:
        raise PermissionError

    answer = kind.ask(Said(), kit.options(identity=identify))

    assert isinstance(answer.error, PermissionError)
    assert answer.status == 500


def test_an_identity_may_be_awaited(kit: Kit, lines: Lines) -> None:
    async def identify(scope: Any) -> str:
        await asyncio.sleep(0)
        return f"user of {scope['path']}"

    ask_asgi(ASGILayer(asgi_app(Said()), kit.options(identity=identify)), "/x")
    ask_asgi(ASGILayer(asgi_app(Said()), kit.options(identity=identify, limits=None)), "/y")

    assert [line["user_id"] for line in lines.all] == ["user of /x", "user of /y"]


def test_the_application_may_say_its_routes_itself(kind: Kind, kit: Kit) -> None:
    layer = kind.layer(kind.make(Said()), kit.options(route=lambda _: "/items/{i}"))
    kind.send(layer)

    assert kit.series("http_requests_total") == {("GET", "/items/{i}", "200"): 1}


def test_a_peer_on_a_unix_socket_is_somebody(kind: Kind, kit: Kit, lines: Lines) -> None:
    assert kind.ask(Said(), kit.options(), peer=None).status == 200
    assert lines.last["client"] == "unix"


def test_an_application_that_answers_nothing_counts_as_an_error(kind: Kind, kit: Kit) -> None:
    kind.ask(Said(status=0), kit.options())

    assert kit.series("http_requests_total") == {("GET", "(unmatched)", "500"): 1}
    assert kit.series("http_request_exceptions_total") == {}


def test_a_client_that_leaves_is_no_error_of_the_application(kit: Kit, lines: Lines) -> None:
    class ClientDisconnected(OSError):
        """As uvicorn names it."""

    async def refuse(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise ClientDisconnected

    async def cancelled(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    ask_asgi(ASGILayer(asgi_app(Said()), kit.options()), send=refuse)
    with pytest.raises(asyncio.CancelledError):
        ask_asgi(ASGILayer(cancelled, kit.options()))

    assert [(line["status"], line["level"]) for line in lines.all] == [(200, "info"), (499, "info")]
    assert kit.series("http_request_exceptions_total") == {}
    assert kit.series("http_requests_in_progress") == {(): 0}


def test_a_wsgi_client_that_leaves_closes_the_body(kit: Kit, lines: Lines) -> None:
    closed: list[str] = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"a"
            yield b"b"

        def close(self) -> None:
            closed.append("inner")

    def app(environ: Any, start_response: Any) -> Body:
        start_response("200 OK", [])
        return Body()

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http"}
    body: Any = WSGILayer(app, kit.options())(environ, lambda *_: None)
    assert next(iter(body)) == b"a"
    body.close()
    body.close()

    assert closed == ["inner", "inner"]
    assert (lines.last["status"], lines.last["bytes"]) == (200, 1)
    assert kit.series("http_requests_total") == {("GET", "(unmatched)", "200"): 1}


def test_lists_and_files_are_handed_to_the_server_as_they_are(kit: Kit, lines: Lines) -> None:
    class Wrapper:
        def __init__(self) -> None:
            self.read = b"file"

    whole = [b"ab", b"c"]
    for body in (whole, Wrapper()):

        def app(environ: Any, start_response: Any, body: Any = body) -> Any:
            start_response("200 OK", [])
            return body

        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.file_wrapper": Wrapper}
        assert WSGILayer(app, kit.options())(environ, lambda *_: None) is body

    assert [line["bytes"] for line in lines.all] == [3, 0]


def test_a_wsgi_application_may_replace_its_answer_by_an_error(kit: Kit) -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        try:
            raise KeyError  # noqa: TRY301 - the error page of a framework
        except KeyError as error:
            start_response("oops", [("Content-Type", "text/plain")], (KeyError, error, None))
        return [b"sorry"]

    answer = ask_wsgi(WSGILayer(app, kit.options()), "/")

    assert kit.series("http_requests_total") == {("GET", "(unmatched)", "500"): 1}
    assert answer.body == b"sorry"


def test_a_body_that_fails_before_it_begins_is_answered(kit: Kit) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        raise KeyError
        yield b""

    answer = ask_wsgi(WSGILayer(app, kit.options()))

    assert isinstance(answer.error, KeyError)
    assert (answer.status, answer.body) == (500, b"Internal Server Error\n")


def test_other_connections_go_through(kit: Kit) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(ASGILayer(app, kit.options())({"type": "lifespan"}, None, None))  # type: ignore[arg-type]

    assert seen == ["lifespan"]


def test_a_web_socket_has_an_id_and_is_limited_at_its_handshake(kit: Kit) -> None:
    sent: list[dict[str, Any]] = []
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(current_request_id())
        await layer_within(scope, receive, send)

    async def leaf(scope: Any, receive: Any, send: Any) -> None:
        seen.append(current_request_id())

    async def send(message: Any) -> None:
        sent.append(message)

    layer_within = ASGILayer(leaf, kit.options())
    layer = ASGILayer(app, kit.options())

    async def connect(**more: Any) -> None:
        scope = {"type": "websocket", "path": "/ws", "headers": [], "client": ("203.0.113.9", 1), **more}
        await layer(scope, None, send)  # type: ignore[arg-type]

    for _ in range(6):
        asyncio.run(connect())
    assert sent == [{"type": "websocket.close", "code": 1013}]
    assert len(seen) == 10
    assert len(set(seen)) == 5
    sent.clear()
    asyncio.run(connect(extensions={"websocket.http.response": {}}))
    start, body = sent
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 429)
    assert (b"retry-after", b"12") in start["headers"]
    assert b"quota" in body["body"]


def test_a_constant_message_of_the_application_is_not_changed(kit: Kit) -> None:
    start = {"type": "http.response.start", "status": 200, "headers": []}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": b""})

    layer = ASGILayer(app, kit.options())
    sizes = {len(ask_asgi(layer).pairs) for _ in range(3)}

    assert start["headers"] == []
    assert len(sizes) == 1


def test_headers_may_come_from_a_generator(kit: Kit) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        pairs = ((name, value) for name, value in [(b"content-type", b"application/json"), (b"x-own", b"1")])
        await send({"type": "http.response.start", "status": 200, "headers": pairs})
        await send({"type": "http.response.body", "body": b""})

    layer = ASGILayer(app, kit.options())
    for _ in range(2):
        headers = ask_asgi(layer).headers
    assert (headers["x-own"], headers["content-type"]) == ("1", "application/json")


def test_requests_leave_no_garbage_behind(kind: Kind, kit: Kit) -> None:
    import gc  # noqa: PLC0415 - for this test alone

    layer = kind.layer(kind.make(Said()), kit.options(access_log=None))
    gc.collect()
    gc.disable()
    for _ in range(3):
        kind.send(layer)
    found = [one for one in gc.get_objects() if type(one).__name__ in {"ASGIExchange", "WSGIExchange"}]

    gc.enable()

    assert found == []


def test_work_after_the_answer_is_no_request_time(
    kit: Kit, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    for module in ("asgi", "asgi_exchange", "wsgi", "wsgi_exchange"):
        monkeypatch.setattr(f"ci_ops.service.middleware.{module}.perf_counter", lambda: now[0])

    def work(seconds: float) -> None:
        now[0] += seconds

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asgi_app(Said(before=lambda: work(0.25)))(scope, receive, send)
        work(7200)

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            work(0.25)
            return iter([b"{}"])

        def close(self) -> None:
            work(7200)

    def wsgi(environ: Any, start_response: Any) -> Body:
        wsgi_app(Said())(environ, start_response)
        return Body()

    ask_asgi(ASGILayer(app, kit.options()))
    ask_wsgi(WSGILayer(wsgi, kit.options()))

    assert [line["event_type"] for line in lines.all] == ["system_event", "system_event"]
    assert kit.series("http_request_duration_seconds") == {("GET", "(unmatched)"): 0.5}
