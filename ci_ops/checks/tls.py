"""Whether the certificate is good, on every address, and for how long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from ci_ops.checks._http.ask import unanswered
from ci_ops.checks._http.check import UrlCheck
from ci_ops.checks._http.expect import ANSWER_RULES
from ci_ops.checks._http.place import has_no_way
from ci_ops.checks._verdict import Fault, conclude, evidence
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule
from ci_ops.core.ports.http import HttpError
from ci_ops.core.text.weburl import is_loopback, port_of, shown, without_user_info

if TYPE_CHECKING:
    from datetime import datetime
    from urllib.parse import SplitResult

    from ci_ops.core.ports.tls import Certificate
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

DAY_SECONDS = 86_400
SHORT_LIVED_DAYS = 10
REDIRECT_TIMEOUT_SECONDS = 5.0
_ISSUER_ADVICE = "Have the certificate issued anew, and install it together with its present intermediates."
_PROBLEMS = {
    "hostname": "is not valid for this host name",
    "expired": "has expired",
    "not-yet-valid": "is not valid yet",
    "chain": "has no complete chain to a trusted root",
}


@dataclass(frozen=True, kw_only=True)
class Tls(UrlCheck):
    """Every address serves the same good certificate, and http leads to https.

    How soon an expiry matters follows from the certificate's lifetime: warn
    below a third, fail below a sixth or 48 hours, whichever is more; a half
    and a quarter where the lifetime is ten days or less. The first certificate
    of the chain that ends counts, the issuers' too. Where the environment names
    a proxy, the handshake goes through it.

    Source: CA/Browser Forum ballot SC-081v3 (lifetimes shrink to 47 days by 2029).
    """

    rules: ClassVar[Mapping[str, Rule]] = {
        **{name: ANSWER_RULES[name] for name in ("url", "unreachable", "not-asked")},
        "certificate": Rule(
            sentence="The certificate is not good.",
            advice="Install a certificate for this host name together with its intermediates, and reload the server.",
        ),
        "expires": Rule(
            sentence="The certificate expires soon.",
            advice="See why it was not renewed, renew it, and reload every server that serves it.",
        ),
        "differs": Rule(
            sentence="The addresses serve different certificates.",
            advice="Look for a node that still serves an old file; several certificates on purpose can be ignored.",
        ),
        "no-redirect": Rule(
            sentence="Plain http does not lead to https.",
            advice="Answer port 80 with a 301 or 308 to the https address of the same host, or close it.",
        ),
    }

    warn_days: int | None = None
    """Warn when fewer days are left; without it, a share of the lifetime."""
    fail_days: int | None = None
    """Fail when fewer days are left; without it, a share of the lifetime."""
    redirect: bool = True
    """Look whether port 80 leads to https; only where the URL has no port of its own."""

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """One handshake with every address, then port 80."""
        if parts.scheme == "http":
            sentence = "The address starts with http://, so there is no certificate to look at."
            return self.result(Status.SKIP, sentence, measured=0)
        return self._look(parts, subject, world)

    def _look(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        name = parts.netloc.rpartition("@")[2]
        faults: list[Fault] = []
        certificates: list[Certificate] = []
        failed: list[tuple[str, HttpError]] = []
        for address, seen in _handshakes(parts, subject, world):
            if isinstance(seen, HttpError):
                failed.append((address, seen))
            else:
                certificates.append(seen)
                faults += self._judge(world, name, seen)
        for address, error in failed:
            if not (certificates and has_no_way(address, error)):
                faults.append(
                    unanswered(world, error, subject=name, where=f" at {address}" if address else "")
                )
        faults += _differing(name, certificates)
        facts = _facts(certificates, world.clock.now())
        if self.redirect and certificates and parts.port in {None, 443}:
            fault, facts["http"] = _redirect(parts, subject, world)
            faults += [fault] if fault else []
        everywhere = f" on all {len(certificates)} addresses" if len(certificates) > 1 else ""
        left = f", {facts['days_left']} days left" if "days_left" in facts else ""
        sentence = f"The certificate of {name} is good{everywhere}{left}."
        return conclude(self, _unique(faults), sentence=sentence, measured=len(certificates), facts=facts)

    def _judge(self, world: World, name: str, certificate: Certificate) -> Iterator[Fault]:
        if not certificate.verified:
            problem = _PROBLEMS.get(certificate.problem, "cannot be trusted")
            yield Fault(
                rule="certificate",
                severity=Status.FAIL,
                sentence=f"The certificate of {name} {problem}.",
                expected=f"a valid certificate for {name}",
                observed=evidence(world, f"{_names(certificate)}{_at(certificate)}: {certificate.detail}"),
                subject=f"{name} {certificate.problem}",
            )
        elif certificate.not_before and certificate.not_after:
            lifetime = certificate.not_after - certificate.not_before
            yield from self._expiry(world, name, certificate, lifetime_seconds=lifetime.total_seconds())

    def _expiry(
        self, world: World, name: str, certificate: Certificate, *, lifetime_seconds: float
    ) -> Iterator[Fault]:
        """A chain holds as long as its first certificate that ends, by the limits of the server's own."""
        end = _end(certificate)
        assert end is not None
        left = (end - world.clock.now()).total_seconds()
        warn, fail = self.limits(lifetime_seconds)
        if left >= max(warn, fail):
            return
        limit = fail if left < fail else warn
        days = f"{left / DAY_SECONDS:.1f} days"
        is_own = end == certificate.not_after
        issuer = "" if is_own else evidence(world, certificate.chain_ends_with, 80) or "an unnamed issuer"
        yield Fault(
            rule="expires",
            severity=Status.FAIL if left < fail else Status.WARN,
            sentence=f"The certificate of {name} expires in {days}."
            if is_own
            else f"The chain of {name} ends in {days}, when its issuer {issuer} expires.",
            expected=f"at least {limit / DAY_SECONDS:.1f} days left",
            observed=f"valid until {end:%Y-%m-%d %H:%M} UTC{_at(certificate)}",
            subject=name if is_own else f"{name} {issuer}",
            advice="" if is_own else _ISSUER_ADVICE,
        )

    def limits(self, lifetime_seconds: float) -> tuple[float, float]:
        """Seconds left below which to warn, and to fail.

        For a certificate of that lifetime.
        """
        if lifetime_seconds > SHORT_LIVED_DAYS * DAY_SECONDS:
            warn, fail = lifetime_seconds / 3, max(lifetime_seconds / 6, 2.0 * DAY_SECONDS)
        else:
            warn, fail = lifetime_seconds / 2, lifetime_seconds / 4
        return (
            warn if self.warn_days is None else self.warn_days * float(DAY_SECONDS),
            fail if self.fail_days is None else self.fail_days * float(DAY_SECONDS),
        )


def _handshakes(
    parts: SplitResult, subject: Subject, world: World
) -> Iterator[tuple[str, Certificate | HttpError]]:
    """Address and outcome of each handshake."""
    host, port, timeout = parts.hostname or "", port_of(parts), subject.timeout_seconds
    url = without_user_info(parts.geturl())
    try:
        # Few servers take both addresses of `localhost`; behind a proxy there is none to choose.
        known = () if is_loopback(parts) else world.http.addresses(url, timeout_seconds=timeout)
    except HttpError as error:
        yield "", error
        return
    addresses = known or ("",)
    for address in addresses:
        try:
            yield address, world.tls.certificate(host, port, address=address, timeout_seconds=timeout)
        except HttpError as error:
            yield address, error


def _differing(name: str, certificates: list[Certificate]) -> list[Fault]:
    serials = {each.serial for each in certificates}
    if len(serials) < 2:
        return []
    return [
        Fault(
            rule="differs",
            severity=Status.WARN,
            sentence=f"The addresses of {name} serve {len(serials)} different certificates.",
            expected="one certificate everywhere",
            observed=", ".join(f"{each.address}: {_until(each)}" for each in certificates),
            subject=name,
        )
    ]


def _redirect(parts: SplitResult, subject: Subject, world: World) -> tuple[Fault | None, str]:
    """Where port 80 leads: a fault if any, and the fact."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    url = f"http://{host}/"
    try:
        timeout = min(subject.timeout_seconds, REDIRECT_TIMEOUT_SECONDS)
        answer = world.http.request("GET", url, timeout_seconds=timeout, fresh=True)
    except HttpError as error:
        return None, "not asked" if error.kind == "deadline" else "closed"
    target = answer.headers.get("location", "")
    if answer.status in {301, 302, 303, 307, 308} and _is_https_of(target, parts.hostname):
        return None, "leads to https"
    observed = f"{answer.status}" + (f" to {shown(target)}" if target else "")
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


def _end(certificate: Certificate) -> datetime | None:
    """When the certificate or the first of its issuers ends."""
    ends = [each for each in (certificate.not_after, certificate.chain_not_after) if each]
    return min(ends, default=None)


def _at(certificate: Certificate) -> str:
    """Where it was seen, as the end of a sentence; empty behind a proxy."""
    return f" at {certificate.address}" if certificate.address else ""


def _facts(certificates: list[Certificate], now: datetime) -> dict[str, Any]:
    ends = [end for each in certificates if (end := _end(each))]
    facts: dict[str, Any] = {"addresses": [each.address for each in certificates if each.address]}
    if ends:
        facts["days_left"] = round((min(ends) - now).total_seconds() / DAY_SECONDS, 1)
        facts["not_after"] = min(ends).isoformat()
    if certificates:
        facts["protocol"], facts["issuer"] = certificates[0].protocol, certificates[0].issuer
    return facts


def _names(certificate: Certificate) -> str:
    return ", ".join(certificate.subject_names[:5]) or "no name"


def _until(certificate: Certificate) -> str:
    return f"until {certificate.not_after:%Y-%m-%d}" if certificate.not_after else certificate.problem


def _unique(faults: list[Fault]) -> list[Fault]:
    """One fault per rule and subject: the same certificate on two addresses says nothing twice."""
    return list({(fault.rule, fault.subject, fault.severity): fault for fault in reversed(faults)}.values())[
        ::-1
    ]
