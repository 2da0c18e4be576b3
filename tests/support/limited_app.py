"""An application with the middleware as it is by default: every path answers, 100 times a minute."""

from __future__ import annotations

from typing import Any

from ci_ops.service import setup_middleware


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise ValueError(f"this application knows no {scope['type']}")
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"ok"})


def asgi() -> Any:
    """The application for uvicorn."""
    return setup_middleware(_answer)
