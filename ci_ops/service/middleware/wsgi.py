"""The layer around a WSGI application."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from ci_ops.service.logs.context import frame
from ci_ops.service.middleware.exchange import AROUND, KEY, around
from ci_ops.service.middleware.layer import Layer
from ci_ops.service.middleware.security import no_headers
from ci_ops.service.middleware.wsgi_exchange import WSGIExchange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ci_ops.service.logs.context import Frame
    from ci_ops.service.middleware.options import MiddlewareOptions
    from ci_ops.service.routes.wsgi import Environ, StartResponse, WSGIApp


class WSGILayer(Layer):
    """The layer for servers such as gunicorn."""

    def __init__(self, app: WSGIApp, options: MiddlewareOptions | None = None) -> None:
        super().__init__(app, options, _no_route)
        security = self.options.security
        self.table = no_headers(str) if security is None else security.for_wsgi()
        if self.limits is not None:
            self.limits.see_that_it_fits("spend")

    def another(self, options: MiddlewareOptions) -> WSGILayer:
        """Return a layer with other options around the same application."""
        return WSGILayer(self._app, options)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if KEY in environ:
            return self._within(environ, start_response)
        body: Iterable[bytes]
        exchange = environ[KEY] = WSGIExchange(self, environ, start_response)
        answer = _Answer(self, exchange, frame.get())
        frame.set(exchange)
        if self.metrics is not None:
            self.metrics.begin()
        try:
            if self.options.identity is not None:
                exchange.set_user(self.options.identity(environ))
            if self.limits is not None and not exchange.is_health:
                self.limits.judge_waiting(exchange)
            refusal = exchange.refusal
            body = self._app(environ, exchange.start) if refusal is None else exchange.refuse(refusal)
        except BaseException as error:
            exchange.fail(error)
            answer.end()
            raise
        return answer.take(body)

    def end_of(self, exchange: WSGIExchange) -> None:
        """Count and log a request whose answer was sent."""
        environ = exchange.environ
        if environ.get(KEY) is exchange:
            del environ[KEY]
        seconds = (exchange.answered_at or perf_counter()) - exchange.started
        self.end(exchange, self._route_of(environ), environ["REQUEST_METHOD"], seconds)

    def _within(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Apply the parts that the layers around this one have left."""
        outer = around(environ)
        rest = self.without(outer)
        if rest is not self._app:
            environ = {**environ, AROUND: outer}
            del environ[KEY]
        body: Iterable[bytes] = rest(environ, start_response)
        return body


class _Answer:
    """Ends a request once: with its call, or with the body that the server closes."""

    def __init__(self, layer: WSGILayer, exchange: WSGIExchange, before: Frame | None) -> None:
        self._layer = layer
        self._exchange = exchange
        self._before = before
        self._body: Iterable[bytes] = ()
        self._is_over = False

    def take(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """Return the body for the server: a complete one as it is, else this."""
        wrapper = self._exchange.environ.get("wsgi.file_wrapper")
        if isinstance(body, list | tuple):
            self._exchange.sent_bytes = sum(map(len, body))
        elif not (isinstance(wrapper, type) and isinstance(body, wrapper)):
            self._body = body
            return self
        self.end()  # the server knows lists and files by their type, and sends them by itself
        return body

    def __iter__(self) -> Iterator[bytes]:
        frame.set(self._exchange)  # perhaps it is another thread that sends
        try:
            for chunk in self._body:
                self._exchange.sent_bytes += len(chunk)
                yield chunk
            self._exchange.answered_at = perf_counter()  # work in the body's `close` is no request time
        except BaseException as error:
            self._exchange.fail(error)
            raise

    def close(self) -> None:
        """Close the body; the server calls this when all was sent or the client has left."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self.end()

    def end(self) -> None:
        """Count and log the request, once."""
        if not self._is_over:
            self._is_over = True
            self._layer.end_of(self._exchange)
            frame.set(self._before)


def _no_route(environ: Environ) -> str:
    """Return no route: WSGI frameworks provide theirs in another way."""
    del environ
    return ""
