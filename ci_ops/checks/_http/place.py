"""The health URL of a service: typed or discovered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ci_ops.checks._http.expect import Expectation
from ci_ops.checks._http.gate import gate_of
from ci_ops.checks._http.page import is_html
from ci_ops.checks._verdict import Fault
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import HttpError, Response
from ci_ops.core.text.weburl import HEALTH_PATHS, at_path, has_path, is_loopback, read_url, without_user_info

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.checks._http.ask import Question


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One health URL, and its response during discovery."""

    url: str
    is_shallow: bool = False
    """True when it was found and only shows that something answers."""
    answer: Response | HttpError | None = None
    """None when the user typed the address, so that nothing had to be looked for."""


def find_health(question: Question, parts: SplitResult, path: str = "") -> Place | None:
    """Return the health URL: the given path, the typed URL, or the first usual path that answers 2xx.

    None when nothing usual answers. A server error and a gate end the search: that URL exists, and
    is not healthy. A page of HTML counts as little as `/`, because single-page applications answer
    it everywhere.
    """
    if path or has_path(parts):
        return Place(url=at_path(parts, path) if path else parts.geturl())
    shallow: Place | None = None
    for candidate in HEALTH_PATHS:
        url = at_path(parts, candidate)
        answer = question.ask(url, Expectation())
        if isinstance(answer, HttpError) or answer.status >= 500 or answer.status == 429 or gate_of(answer):
            return Place(url=url, answer=answer)
        if 200 <= answer.status <= 299:
            if candidate != "/" and not is_html(answer):
                return Place(url=url, answer=answer)
            shallow = shallow or Place(url=url, answer=answer, is_shallow=True)
    return shallow


def no_place(name: str) -> Fault:
    """Return the fault for a service without a usable health address; its rule is `not-found`."""
    return Fault(
        rule="not-found",
        severity=Status.ERROR,
        sentence=f"None of the usual health addresses of {name} answers 2xx.",
        expected=f"2xx at one of {', '.join(HEALTH_PATHS)}",
        observed="redirects or client errors everywhere",
        subject=name,
        transient=True,
    )


def every_address(question: Question, url: str, *, peer: str) -> tuple[str, ...]:
    """Return each IP address of the name, the peer that already answered first.

    One empty text, for any address, when there is only one; when no peer is known, because a proxy
    resolves names; and for `localhost`, because few servers listen on both of its addresses.
    """
    if not peer or is_loopback(read_url(url)):
        return ("",)
    try:
        addresses = question.world.http.addresses(
            without_user_info(url), timeout_seconds=question.timeout_seconds
        )
    except HttpError:
        return ("",)
    others = tuple(each for each in addresses if each != peer)
    return (peer, *others) if others else ("",)


def has_no_way(address: str, answer: object) -> bool:
    """Return True for an IPv6 address on a machine without IPv6, which proves nothing."""
    return ":" in address and isinstance(answer, HttpError) and answer.kind == "route"
