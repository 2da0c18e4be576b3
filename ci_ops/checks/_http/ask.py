"""Asking one address, with the answer or the reason why there is none as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.ports import HttpError, World
from ci_ops.core.text.secret import Secret
from ci_ops.core.text.weburl import fresh_url, read_url, secrets_in

if TYPE_CHECKING:
    from ci_ops.checks._http.expect import Expectation
    from ci_ops.core.ports import Response

ACCEPTED = "application/health+json, application/json;q=0.9, */*;q=0.5"
_UNASKED = frozenset({"dns", "route", "proxy", "url", "http2"})
"""Kinds of HttpError after which we know nothing of the service."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """How addresses are asked: the same for every address of a check."""

    world: World
    timeout_seconds: float
    headers: Mapping[str, Secret] = field(default_factory=dict)
    fresh: bool = False
    """Open a new connection for every request."""
    busts_caches: bool = True

    def ask(self, url: str, expected: Expectation, *, connect_to: str = "") -> Response | HttpError:
        """The answer, or why there was none; credentials are known to the redactor from here on."""
        self._hide(url)
        sent = {name: value.reveal() for name, value in self.headers.items()}
        try:
            return self.world.http.request(
                expected.method,
                fresh_url(url) if self.busts_caches else url,
                timeout_seconds=self.timeout_seconds,
                headers={"Accept": ACCEPTED, "Cache-Control": "no-cache", **sent},
                fresh=self.fresh,
                connect_to=connect_to,
                follow=expected.redirects,
            )
        except HttpError as error:
            return error

    def _hide(self, url: str) -> None:
        values = [value.reveal() for value in self.headers.values()]
        # `Bearer abc` is echoed by some services as `abc` alone.
        values += [value.rpartition(" ")[2] for value in values]
        self.world.redact.add(*values, *secrets_in(read_url(url)))


def no_address(problem: str) -> Fault:
    """The fault for an address that cannot be asked at all."""
    return Fault(
        rule="url",
        severity=Status.ERROR,
        sentence=f"The service cannot be asked: {problem}.",
        expected="an address such as https://shop.example.com",
    )


def unanswered(world: World, error: HttpError, *, subject: str, where: str = "") -> Fault:
    """The fault for a request that got no usable answer.

    `fail` when the service did not answer, `error` when we could not ask it.
    """
    could_ask = error.kind not in _UNASKED
    name = f"{subject}{where}"
    return Fault(
        rule="unreachable" if could_ask else "not-asked",
        severity=Status.FAIL if could_ask else Status.ERROR,
        sentence=f"{name} did not answer." if could_ask else f"{name} could not be asked.",
        expected="an HTTP answer",
        observed=evidence(world, error.sentence),
        subject=subject,
        transient=error.transient,
    )
