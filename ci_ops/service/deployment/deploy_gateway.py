"""A signed gateway in front of a deploy hook, which is protected by its address alone.

    gateway = DeployGateway(os.environ["RENDER_DEPLOY_HOOK_URL"], SignatureVerifier(secret))
    application = gateway.wsgi     # or gateway.asgi, mounted where you like

A POST with a valid signature starts the deployment. Its body may be empty, or
`{"ref": "<commit>"}`.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import re
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from ci_ops.core.text.secret import Secret
from ci_ops.service.deployment.signatures import RepeatedMessageError, SignatureError
from ci_ops.service.logs.record import SECURITY_LOGGER, emit_security
from ci_ops.service.routes.answer import Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ci_ops.service.deployment.signatures import SignatureVerifier
    from ci_ops.service.lifecycle.lifespan import Receive, Scope, Send
    from ci_ops.service.routes.wsgi import Environ, StartResponse

log = logging.getLogger("ci_ops.service.deploy")
security_log = logging.getLogger(f"{SECURITY_LOGGER}.deploy_gateway")

MAX_BODY_BYTES = 64 * 1024
TIMEOUT_SECONDS = 10.0
_REF = re.compile(r"[0-9a-f]{7,64}")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class DeployGateway:
    """Forwards signed requests to a deploy hook, each once."""

    def __init__(
        self,
        hook_url: Secret | str,
        verifier: SignatureVerifier,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Raise ValueError for an address that is not https, except for loopback."""
        address = hook_url.reveal() if isinstance(hook_url, Secret) else hook_url
        parts = urlsplit(address)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        ):
            raise ValueError("the address of a deploy hook begins with https://")
        self._hook = Secret(address)
        self._verifier = verifier
        self._timeout_seconds = timeout_seconds

    def reply(self, method: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request: 202 with the hook's answer, 200 when it was started before."""
        if method != "POST":
            return _answer(405, "POST only", Allow="POST")
        if len(body) > MAX_BODY_BYTES:
            return _answer(413, "the body is too large")
        try:
            message_id = self._verifier.verify(headers, body)
        except RepeatedMessageError as error:
            return _answer(200, str(error))
        except SignatureError as error:
            emit_security(
                security_log, logging.WARNING, "deploy_refused", f"a deployment was refused: {error}"
            )
            return _answer(401, str(error))
        try:
            return self._started(_ref(body))
        except ValueError as error:
            return _answer(400, str(error))
        except (OSError, http.client.HTTPException) as error:
            self._verifier.forget(message_id)
            log.error("the deploy hook did not answer: %s", type(error).__name__)  # noqa: TRY400 - its text may hold the address
            return _answer(502, "the deploy hook did not answer")

    def wsgi(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request of a WSGI server."""
        length = environ.get("CONTENT_LENGTH") or "0"
        size = min(int(length), MAX_BODY_BYTES + 1) if length.isdigit() else 0
        body = environ["wsgi.input"].read(size) if size else b""
        headers = {
            name[5:].replace("_", "-"): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        reply = self.reply(environ["REQUEST_METHOD"], headers, body)
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", reply.header_pairs())
        return [reply.body]

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of an ASGI server; the hook is called on a thread."""
        if scope["type"] != "http":
            raise ValueError("a deploy gateway answers HTTP alone")
        body, has_more = b"", True
        while has_more and len(body) <= MAX_BODY_BYTES:
            message = await receive()
            body += message.get("body", b"")
            has_more = message.get("more_body", False)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        reply = await asyncio.to_thread(self.reply, scope["method"], headers, body)
        pairs = [(name.lower().encode(), value.encode()) for name, value in reply.header_pairs()]
        await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
        await send({"type": "http.response.body", "body": reply.body})

    def _started(self, ref: str) -> Reply:
        parts = urlsplit(self._hook.reveal())
        query = "&".join(filter(None, (parts.query, urlencode({"ref": ref}) if ref else "")))
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(
                host, parts.port, timeout=self._timeout_seconds, context=ssl.create_default_context()
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=self._timeout_seconds)
        )
        try:
            connection.request("POST", f"{parts.path or '/'}?{query}" if query else parts.path or "/")
            response = connection.getresponse()
            answer = response.read(MAX_BODY_BYTES)
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            raise http.client.HTTPException(f"status {response.status}")
        log.info("a deployment was started", extra={"event": "deploy_started"})
        return _answer(202, "started", deploy=_deploy_id(answer))


def _ref(body: bytes) -> str:
    """Return the requested commit; empty for the latest. Raises ValueError."""
    if not body.strip():
        return ""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    ref = document.get("ref", "") if isinstance(document, dict) else None
    if not isinstance(ref, str) or (ref and _REF.fullmatch(ref) is None):
        raise ValueError('the body is empty, or {"ref": "<commit>"}')
    return ref


def _deploy_id(answer: bytes) -> str:
    try:
        found = json.loads(answer)["deploy"]["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return found[:100] if isinstance(found, str) else ""


def _answer(status: int, message: str, *, deploy: str = "", **headers: str) -> Reply:
    document: dict[str, Any] = {"message": message} | ({"deploy": deploy} if deploy else {})
    return Reply(
        status=status,
        media_type="application/json",
        body=json.dumps(document).encode() + b"\n",
        headers=headers,
    )
