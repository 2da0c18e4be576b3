"""What the tests of our HTTP client share: handlers, and short ways to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.redact import Redactor
from ci_ops.edge.clock import StopSignal
from ci_ops.edge.http import RequestsHttp
from tests.support.web import Asked, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

AMPLE_SECONDS = 20.0
SLACK_SECONDS = 1.0


def ok(_: Asked) -> Reply:
    """Says ok."""
    return Reply()


def echo(asked: Asked) -> Reply:
    """Says which headers came in."""
    return Reply(body="\n".join(f"{name}: {value}" for name, value in asked.headers.items()).encode())


def silence(asked: Asked) -> None:
    """Never says anything."""
    asked.wait(AMPLE_SECONDS)


def sending(data: bytes) -> Callable[[Asked], None]:
    """A handler that sends these bytes, whatever they are, and hangs up."""

    def handler(asked: Asked) -> None:
        asked.send(data)

    return handler


def make(stop: StopSignal | None = None, *, ca_file: Path | None = None, **env: str) -> RequestsHttp:
    """A client with an environment and authorities of its own."""
    return RequestsHttp(
        env=env, stop=stop or StopSignal(), redact=Redactor(), ca_file=str(ca_file) if ca_file else ""
    )


def get(http: RequestsHttp, url: str, **more: Any) -> Response:
    """The answer to a GET."""
    return http.request("GET", url, **{"timeout_seconds": AMPLE_SECONDS, **more})


def failure(http: RequestsHttp, url: str, **more: Any) -> HttpError:
    """The error that a GET ends with."""
    with pytest.raises(HttpError) as caught:
        get(http, url, **more)
    assert str(caught.value) == caught.value.sentence
    return caught.value


def headers_of(answer: Response) -> Mapping[str, str]:
    """What `echo` said."""
    return dict(line.split(": ", 1) for line in answer.text.splitlines())
