"""Transport security beyond the certificate: TLS versions, HSTS, and redirects from plain http."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ci_ops.checks._http.gate import gate_of
from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.ports.http import HttpError
from ci_ops.core.ports.tls import VERSIONS
from ci_ops.core.text.weburl import at_path, is_loopback, safe_url, without_user_info

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

    from ci_ops.core.ports.http import Response
    from ci_ops.core.ports.world import World

REDIRECT_TIMEOUT_SECONDS = 5.0
MIN_HSTS_SECONDS = 31_536_000
"""One year. Source: hstspreload.org; OWASP Secure Headers Project."""
OLD_VERSIONS = VERSIONS[:2]
NEW_VERSION = VERSIONS[-1]
_MAX_AGE = re.compile(r"""(?:^|;)\s*max-age\s*=\s*"?(\d{1,12})""", re.IGNORECASE)

Accepted = dict[str, dict[str, bool | None]]
"""Version to address to whether it is accepted there; None where that could not be tried."""


def version_faults(name: str, accepted: Accepted) -> Iterator[Fault]:
    """Yield the faults in the TLS versions that the addresses accept."""
    old = {version: _where(accepted[version], answer=True) for version in OLD_VERSIONS}
    if any(old.values()):
        text = " and ".join(_words(version) for version, places in old.items() if places)
        yield Fault(
            rule="old-protocol",
            severity=Status.WARN,
            sentence=f"{name} accepts {text}.",
            expected="TLS 1.2 and 1.3 alone",
            observed="; ".join(
                f"{version} at {', '.join(places)}" for version, places in old.items() if places
            ),
            subject=name,
        )
    refusing = _where(accepted[NEW_VERSION], answer=False)
    if refusing:
        yield Fault(
            rule="no-new-protocol",
            severity=Status.WARN,
            sentence=f"{name} refuses {_words(NEW_VERSION)}.",
            expected="TLS 1.3",
            observed=f"refused at {', '.join(refusing)}",
            subject=name,
        )


def version_facts(accepted: Accepted) -> dict[str, str]:
    """Return for each version whether any address accepts it."""
    words: Mapping[bool | None, str] = {True: "accepted", False: "refused", None: "not tried"}
    found = {version: set(places.values()) for version, places in accepted.items()}
    return {
        version: words[next(answer for answer in (True, False, None) if answer in answers)]
        for version, answers in found.items()
        if answers
    }


def untried(accepted: Accepted) -> str:
    """Return the end of a sentence that names the versions without a handshake; empty for none."""
    names = [_words(version) for version, text in version_facts(accepted).items() if text == "not tried"]
    return f"; {', '.join(names)} could not be tried" if names else ""


def _where(places: Mapping[str, bool | None], *, answer: bool) -> list[str]:
    return [address or "the proxy's choice" for address, outcome in places.items() if outcome is answer]


def _words(version: str) -> str:
    """Return a version's usual name: `TLSv1.3` is TLS 1.3, and `TLSv1` is TLS 1.0."""
    number = version.removeprefix("TLSv")
    return f"TLS {number}" if "." in number else f"TLS {number}.0"


def has_hsts(parts: SplitResult) -> bool:
    """Return True for a host whose HSTS browsers heed: no IP address and not this machine.

    Source: RFC 6797 section 8.1.1.
    """
    try:
        ipaddress.ip_address((parts.hostname or "").partition("%")[0])
    except ValueError:
        return not is_loopback(parts)
    return False


def hsts(parts: SplitResult, world: World, *, timeout_seconds: float) -> tuple[Fault | None, str]:
    """Return the fault with Strict-Transport-Security, if any, and the fact.

    The URL is requested as typed, then the root. Error responses do not count: servers such as
    nginx omit headers there.
    """
    name = parts.netloc.rpartition("@")[2]
    answers = list(_pages(parts, world, timeout_seconds=timeout_seconds))
    if not answers:
        return None, "not measured"
    values = [answer.headers.get("strict-transport-security", "") for answer in answers]
    ages = [_max_age(value) for value in values]
    if any(age >= MIN_HSTS_SECONDS for age in ages):
        return None, "sent"
    is_short = max(ages) > 0
    fault = Fault(
        rule="hsts",
        severity=Status.WARN,
        sentence=f"{name} sends a short Strict-Transport-Security."
        if is_short
        else f"{name} sends no Strict-Transport-Security.",
        expected=f"max-age of at least {MIN_HSTS_SECONDS}",
        observed=evidence(world, next(filter(None, values), f"nothing at {safe_url(answers[0].url)}")),
        subject=name,
    )
    return fault, "short" if is_short else "missing"


def _pages(parts: SplitResult, world: World, *, timeout_seconds: float) -> Iterator[Response]:
    for url in dict.fromkeys((without_user_info(parts.geturl()), without_user_info(at_path(parts, "/")))):
        try:
            answer = world.http.request("GET", url, timeout_seconds=timeout_seconds, fresh=True)
        except HttpError:
            continue
        if answer.status < 400 and not gate_of(answer):
            yield answer


def _max_age(value: str) -> int:
    """Return the seconds of the header; 0 where it has none. Of several headers the first counts."""
    found = _MAX_AGE.search(value.partition(",")[0])
    return int(found[1]) if found else 0


def redirect(parts: SplitResult, world: World, *, timeout_seconds: float) -> tuple[Fault | None, str]:
    """Return the fault in the response of port 80, if any, and the fact."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    url = f"http://{host}/"
    try:
        timeout = min(timeout_seconds, REDIRECT_TIMEOUT_SECONDS)
        answer = world.http.request("GET", url, timeout_seconds=timeout, fresh=True)
    except HttpError:
        return None, "closed"
    target = answer.headers.get("location", "")
    if answer.status in {301, 302, 303, 307, 308} and _is_https_of(target, parts.hostname):
        return None, "leads to https"
    observed = f"{answer.status}" + (f" to {safe_url(target)}" if target else "")
    fault = Fault(
        rule="no-redirect",
        severity=Status.WARN,
        sentence=f"{url} does not lead to https on the same host.",
        expected=f"a redirect to https://{host}/",
        observed=evidence(world, observed),
        subject=url,
    )
    return fault, "does not lead to https"


def _is_https_of(target: str, host: str | None) -> bool:
    try:
        where = urlsplit(target)
    except ValueError:
        return False
    return where.scheme == "https" and where.hostname == host
