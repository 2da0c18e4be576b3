import asyncio
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ci_ops.core.text.secret import Secret
from ci_ops.service.deployment.deploy_gateway import MAX_BODY_BYTES, DeployGateway
from ci_ops.service.deployment.signatures import SignatureVerifier

SECRET = "a deploy hook secret of some length"
COMMIT = "c" * 40


class Hook:
    """A deploy hook on loopback that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.body = b'{"deploy": {"id": "dep-1"}}'
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.asked.append(self.path)
                self.send_response(hook.status)
                self.send_header("Content-Length", str(len(hook.body)))
                self.end_headers()
                self.wfile.write(hook.body)

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base class names it

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/deploy/srv-1?key=hook-key-of-render"


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    thread = threading.Thread(target=hook.server.serve_forever, args=(0.01,))
    thread.start()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()
    thread.join()


@pytest.fixture
def verifier() -> SignatureVerifier:
    return SignatureVerifier(SECRET)


@pytest.fixture
def gateway(hook: Hook, verifier: SignatureVerifier) -> DeployGateway:
    return DeployGateway(Secret(hook.url), verifier)


def ask(
    gateway: DeployGateway, headers: dict[str, str], body: bytes = b"", method: str = "POST"
) -> tuple[int, Any]:
    reply = gateway.reply(method, headers, body)
    assert b"hook-key-of-render" not in reply.body
    return reply.status, json.loads(reply.body)


def test_a_signed_request_starts_a_deployment_once(
    gateway: DeployGateway, hook: Hook, verifier: SignatureVerifier
) -> None:
    body = json.dumps({"ref": COMMIT}).encode()
    headers = verifier.sign(body)

    assert ask(gateway, headers, body) == (202, {"message": "started", "deploy": "dep-1"})
    assert ask(gateway, headers, body) == (200, {"message": "this message was taken before"})
    assert hook.asked == [f"/deploy/srv-1?key=hook-key-of-render&ref={COMMIT}"]


def test_without_a_commit_the_latest_one_is_deployed(
    gateway: DeployGateway, hook: Hook, verifier: SignatureVerifier
) -> None:
    assert ask(gateway, verifier.sign(b""))[0] == 202
    assert ask(gateway, verifier.sign(b"{}"), b"{}")[0] == 202
    assert hook.asked == ["/deploy/srv-1?key=hook-key-of-render"] * 2


def test_nobody_else_starts_one(gateway: DeployGateway, hook: Hook) -> None:
    other = SignatureVerifier("another secret of some length")

    assert ask(gateway, {}) == (401, {"message": "the request is not signed"})
    assert ask(gateway, other.sign(b"")) == (401, {"message": "the signature is wrong"})
    assert ask(gateway, {}, method="GET") == (405, {"message": "POST only"})
    assert ask(gateway, {}, b"x" * (MAX_BODY_BYTES + 1)) == (413, {"message": "the body is too large"})
    assert hook.asked == []


@pytest.mark.parametrize("body", [b"[]", b"x", b'{"ref": 5}', b'{"ref": "main&clear=1"}', b"[" * 60_000])
def test_a_body_of_another_form_is_refused(
    gateway: DeployGateway, hook: Hook, verifier: SignatureVerifier, body: bytes
) -> None:
    assert ask(gateway, verifier.sign(body), body)[0] == 400
    assert hook.asked == []


def test_when_the_hook_refuses_the_same_message_may_come_again(
    gateway: DeployGateway, hook: Hook, verifier: SignatureVerifier, caplog: pytest.LogCaptureFixture
) -> None:
    headers = verifier.sign(b"")
    hook.status = 503
    assert ask(gateway, headers) == (502, {"message": "the deploy hook did not answer"})

    hook.status = 201
    assert ask(gateway, headers)[0] == 202
    assert "hook-key-of-render" not in caplog.text


@pytest.mark.parametrize("body", [b"", b"[]", b'{"deploy": {"id": 5}}', b'{"deploy": "x"}'])
def test_a_hook_that_names_no_deployment_has_started_one_all_the_same(
    gateway: DeployGateway, hook: Hook, verifier: SignatureVerifier, body: bytes
) -> None:
    hook.body = body

    assert ask(gateway, verifier.sign(b"")) == (202, {"message": "started"})


def test_a_hook_that_is_not_there_is_told(verifier: SignatureVerifier, closed_port: int) -> None:
    gateway = DeployGateway(f"http://127.0.0.1:{closed_port}/x", verifier)

    assert ask(gateway, verifier.sign(b""))[0] == 502
    secure = DeployGateway(f"https://127.0.0.1:{closed_port}/x", verifier)
    assert ask(secure, verifier.sign(b""))[0] == 502


@pytest.mark.parametrize("url", ["http://api.render.com/deploy/srv-1", "ftp://x", "", "https://"])
def test_a_hook_is_asked_over_tls_alone(verifier: SignatureVerifier, url: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        DeployGateway(url, verifier)


@pytest.mark.parametrize("length", ["2", "", "nonsense"])
def test_the_door_for_wsgi_reads_the_body_it_is_given(
    gateway: DeployGateway, verifier: SignatureVerifier, length: str
) -> None:
    body = b"{}" if length == "2" else b""
    started: list[Any] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": length,
        "wsgi.input": io.BytesIO(b"{}more"),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in verifier.sign(body).items()},
    }

    (answer,) = gateway.wsgi(environ, lambda *words: started.append(words))

    assert started[0][0] == "202 Accepted"
    assert json.loads(answer)["message"] == "started"


def test_the_door_for_asgi_reads_no_more_than_it_must(
    gateway: DeployGateway, verifier: SignatureVerifier
) -> None:
    async def call(*chunks: bytes, headers: dict[str, str]) -> int:
        messages = [
            {"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}
            for index, chunk in enumerate(chunks)
        ]
        sent: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await gateway.asgi({"type": "http", "method": "POST", "headers": pairs}, receive, send)
        return int(sent[0]["status"])

    assert asyncio.run(call(b"{", b"}", headers=verifier.sign(b"{}"))) == 202
    assert asyncio.run(call(b"x" * MAX_BODY_BYTES, b"x", b"never read", headers={})) == 413
    with pytest.raises(ValueError, match="HTTP alone"):
        asyncio.run(gateway.asgi({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
