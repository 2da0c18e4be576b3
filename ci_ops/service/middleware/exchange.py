"""One request and its answer, for both kinds of server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ci_ops.service.logs.context import Frame
from ci_ops.service.logs.trace import request_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ci_ops.service.health.paths import HealthPaths
    from ci_ops.service.limits.client import Client
    from ci_ops.service.limits.headers import Refusal
    from ci_ops.service.metrics.requests import RequestMetrics

CLIENT_GONE = 499
"""The status of an answer that the client did not wait for. Source: nginx, ngx_http_request.h."""

MAX_USER_LENGTH = 128
FAILED_TEXT = b"Internal Server Error\n"

KEY = "ci_ops.exchange"
"""Key of the exchange in the scope or the environ while the request is in progress."""
AROUND = "ci_ops.around"
"""Key under which an inner layer finds the layers around it."""


class Owner(Protocol):
    """The layer of an exchange, as far as the exchange uses it."""

    bits: int
    """The parts it works with."""
    health: HealthPaths
    metrics: RequestMetrics | None

    def counts_as(self, layer: Any) -> bool:
        """Return True when both layers count with the same limiters."""
        ...

    def warn_of_proxy(self) -> None:
        """Warn once that requests seem to come through a proxy that was not named."""
        ...


class Exchange(Frame):
    """State of a request in progress.

    The class attributes hold for nearly every request; only others are set.
    """

    is_ground = True
    layer: Owner
    client: Client | None = None
    user = ""
    """Empty where neither a trusted proxy nor an identity function names one."""
    uncounted = ""
    """Key to count it under in an asynchronous store."""
    quota_headers: Sequence[tuple[bytes, bytes]] = ()
    """Header fields about the quota, as ASGI sends them."""
    refusal: Refusal | None = None
    status = 0
    """0 until the answer has begun."""
    sent_bytes = 0
    is_https = False
    """True when the client uses HTTPS, as far as we or a trusted proxy know."""
    is_private = False
    """True when the request had credentials."""
    is_gone = False
    """True when the client did not wait for the answer."""
    is_probe = False
    """True for a request that ci-ops signed: it is neither counted against limits nor blocked."""
    is_stream = False
    """True for an answer that takes long by design."""
    error: Exception | None = None
    route = ""
    """Route template, where the framework provides it here."""
    exception = ""
    """Type of an exception that the framework has answered itself."""
    answered_at = 0.0
    """When the last part of the answer went to the server (perf_counter); 0 until then."""
    origin = ""
    """The origin of the page that a browser asks for."""
    is_preflight = False
    """True when a browser asks whether a page of another origin may send a request."""

    def take_ids(self, *, outer: Around | None, request_id: str, traceparent: str, tracestate: str) -> None:
        """Use the ids of the request, or those of a layer around this one."""
        if outer is not None:
            self.outer = outer.exchange
            self.fields, self.carried = outer.exchange.fields, outer.exchange.carried
            return
        made = request_frame(request_id=request_id, traceparent=traceparent, tracestate=tracestate)
        self.fields, self.carried = made.fields, made.carried

    @property
    def path(self) -> str:
        """Requested path below the prefix of the application."""
        raise NotImplementedError

    @property
    def is_framework_page(self) -> bool:
        """True for a page that the framework made itself, such as Swagger UI."""
        return False

    @property
    def is_health(self) -> bool:
        """True for a request to the health routes."""
        return self.layer.health.have(self.path)

    def request_line(self) -> dict[str, Any]:
        """Return method, path and user agent for the log."""
        raise NotImplementedError

    @property
    def final_status(self) -> int:
        """Status for metrics and logs; where no answer has begun, one for the reason."""
        return self.status or (CLIENT_GONE if self.is_gone else 500)

    def note_error(self, error: BaseException) -> None:
        """Note how the call ended: with an exception of the application, or because the client left."""
        has_left = self.status and type(error).__name__ in {"ClientDisconnect", "ClientDisconnected"}
        if isinstance(error, Exception) and not has_left:
            self.error = error
        else:
            self.is_gone = True

    def set_user(self, user: object) -> None:
        """Set the user, on every following line too; None and empty values are no user."""
        self.user = str(user)[:MAX_USER_LENGTH] if user else ""
        if self.user:
            self.fields["user_id"] = self.user


class Around(NamedTuple):
    """A layer and the layers around it."""

    exchange: Exchange
    done: int
    """The parts they apply already, as bits."""
    further: Around | None

    def layers(self) -> Iterator[Owner]:
        """Yield the layers from the inner one out."""
        outer: Around | None = self
        while outer is not None:
            yield outer.exchange.layer
            outer = outer.further


def around(place: Mapping[str, Any]) -> Around:
    """Return the layers around an inner one that has found an exchange in its scope or environ."""
    exchange: Exchange = place[KEY]
    further: Around | None = place.get(AROUND)
    done = exchange.layer.bits | (0 if further is None else further.done)
    return Around(exchange, done, further)


def exchanges(place: Mapping[str, Any]) -> Iterator[Exchange]:
    """Yield the exchanges in a scope or environ, from the innermost out."""
    if KEY in place:
        yield place[KEY]
    further: Around | None = place.get(AROUND)
    while further is not None:
        yield further.exchange
        further = further.further
