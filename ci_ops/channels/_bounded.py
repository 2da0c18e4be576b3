"""The world with a deadline: no request of a channel outlives its own time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ci_ops.core.deadline import Deadline
from ci_ops.core.ports.http import Http, HttpError

if TYPE_CHECKING:
    from ci_ops.core.ports.http import Response
    from ci_ops.core.ports.world import World


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundedHttp:
    """HTTP whose every request ends by the deadline, whatever the channel asked for."""

    inner: Http
    deadline: Deadline

    def request(self, method: str, url: str, *, timeout_seconds: float, **more: Any) -> Response:
        """As the Http port says; with no time left it does not even start."""
        left = self.deadline.within(timeout_seconds)
        if left <= 0:
            raise HttpError("timeout", "no time was left for the request", transient=True)
        return self.inner.request(method, url, timeout_seconds=left, **more)

    def addresses(self, url: str) -> tuple[str, ...]:
        """As the Http port says."""
        return self.inner.addresses(url)


class BoundedWorld:
    """Another world in all but its HTTP."""

    def __init__(self, inner: World, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    @property
    def http(self) -> Http:
        """The other world's HTTP, made when first used, within the deadline."""
        return BoundedHttp(inner=self._inner.http, deadline=self._deadline)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
