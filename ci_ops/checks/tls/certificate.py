"""What every check of a certificate does: handshakes with each address, chain, expiry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ci_ops.checks._crew import Crew
from ci_ops.checks._http.ask import unanswered
from ci_ops.checks._http.check import UrlCheck
from ci_ops.checks._http.expect import ANSWER_RULES
from ci_ops.checks._http.place import has_no_way
from ci_ops.checks._verdict import Fault, conclude
from ci_ops.checks.tls.chain import DAY_SECONDS, chain_faults, end_of, expiry_fault, key_text
from ci_ops.core.health.status import Status
from ci_ops.core.plugin import Rule
from ci_ops.core.ports.http import HttpError
from ci_ops.core.text.weburl import is_loopback, port_of, without_user_info

if TYPE_CHECKING:
    from datetime import datetime
    from urllib.parse import SplitResult

    from ci_ops.core.ports.tls import Certificate
    from ci_ops.core.ports.world import World
    from ci_ops.core.result import Result
    from ci_ops.core.subject import Subject

SHORT_LIVED_DAYS = 10
MAX_PARALLEL = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Beyond:
    """What a check measures beside the certificate."""

    faults: list[Fault] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    """Ends the sentence of a check that passed."""


@dataclass(frozen=True, kw_only=True)
class CertificateCheck(UrlCheck):
    """A check of the certificate on every address of a host."""

    rules: ClassVar[Mapping[str, Rule]] = {
        **{name: ANSWER_RULES[name] for name in ("url", "unreachable", "not-asked")},
        "certificate": Rule(
            sentence="The certificate is not valid.",
            advice="Install a certificate for this host name together with its intermediates, and reload the server.",
        ),
        "incomplete-chain": Rule(
            sentence="The server does not send every certificate of its chain.",
            advice="Install the whole chain (`fullchain.pem`) and reload the server. Where the issuer is a private "
            "root, let this machine trust it: SSL_CERT_FILE.",
        ),
        "weak": Rule(
            sentence="A key or a signature of the chain is too weak.",
            advice="Reissue the certificate with an EC key of 256 or an RSA key of 2048 bits, signed with "
            "SHA-256.",
        ),
        "expires": Rule(
            sentence="The certificate expires soon.",
            advice="See why it was not renewed, renew it, and reload every server that serves it.",
        ),
        "expired-extra": Rule(
            sentence="The server sends an expired certificate that it does not need.",
            advice="Take it out of the file of the chain: some clients refuse the connection because of it.",
        ),
        "differs": Rule(
            sentence="The addresses serve different certificates.",
            advice="Look for a node that still serves an old file; several certificates on purpose can be ignored.",
        ),
    }

    warn_days: int | None = None
    """Warn when fewer days are left; without it, a share of the lifetime."""
    fail_days: int | None = None
    """Fail when fewer days are left; without it, a share of the lifetime."""

    def verify(self, parts: SplitResult, subject: Subject, world: World) -> Result:
        """One handshake with every address, then what `beyond` measures."""
        if parts.scheme == "http":
            sentence = "The address starts with http://, so there is no certificate to check."
            return self.result(Status.SKIP, sentence, measured=0)
        name = parts.netloc.rpartition("@")[2]
        seen = _handshakes(parts, subject, world)
        certificates = {key: each for key, each in seen.items() if not isinstance(each, HttpError)}
        faults = [fault for each in certificates.values() for fault in self._judge(world, name, each)]
        for address, error in seen.items():
            if isinstance(error, HttpError) and not (certificates and has_no_way(address, error)):
                where = f" at {address}" if address else ""
                faults.append(unanswered(world, error, subject=name, where=where))
        faults += _differing(name, list(certificates.values()))
        facts = _facts(list(certificates.values()), world.clock.now())
        more = self.beyond(parts, subject, world, certificates)
        faults += more.faults
        facts |= more.facts
        everywhere = f" on all {len(certificates)} addresses" if len(certificates) > 1 else ""
        left = f", {facts['days_left']} days left" if "days_left" in facts else ""
        sentence = f"The certificate of {name} is valid{everywhere}{left}{more.note}."
        return conclude(self, _unique(faults), sentence=sentence, measured=len(certificates), facts=facts)

    def beyond(
        self, parts: SplitResult, subject: Subject, world: World, certificates: Mapping[str, Certificate]
    ) -> Beyond:
        """Measure more than the certificate; nothing here."""
        del parts, subject, world, certificates
        return Beyond()

    def _judge(self, world: World, name: str, certificate: Certificate) -> Iterator[Fault]:
        yield from chain_faults(world, name, certificate)
        if certificate.verified and certificate.not_before and certificate.not_after:
            lifetime = (certificate.not_after - certificate.not_before).total_seconds()
            warn, fail = self.limits(lifetime)
            fault = expiry_fault(world, name, certificate, warn_seconds=warn, fail_seconds=fail)
            yield from [fault] if fault else []

    def limits(self, lifetime_seconds: float) -> tuple[float, float]:
        """Return the seconds left below which to warn, and to fail, for a certificate of that lifetime."""
        if lifetime_seconds > SHORT_LIVED_DAYS * DAY_SECONDS:
            warn, fail = lifetime_seconds / 3, max(lifetime_seconds / 6, 2.0 * DAY_SECONDS)
        else:
            warn, fail = lifetime_seconds / 2, lifetime_seconds / 4
        return (
            warn if self.warn_days is None else self.warn_days * float(DAY_SECONDS),
            fail if self.fail_days is None else self.fail_days * float(DAY_SECONDS),
        )


def _handshakes(parts: SplitResult, subject: Subject, world: World) -> dict[str, Certificate | HttpError]:
    """Return the outcome of a handshake with each address, in the resolver's order."""
    host, port, timeout = parts.hostname or "", port_of(parts), subject.timeout_seconds
    try:
        # Few servers take both addresses of `localhost`; behind a proxy there is none to choose.
        known = (
            ()
            if is_loopback(parts)
            else world.http.addresses(without_user_info(parts.geturl()), timeout_seconds=timeout)
        )
    except HttpError as error:
        return {"": error}

    def shake(address: str) -> Certificate | HttpError:
        try:
            return world.tls.certificate(host, port, address=address, timeout_seconds=timeout)
        except HttpError as error:
            return error

    return at_once({address: partial(shake, address) for address in known or ("",)}, world)


def at_once(jobs: Mapping[Any, Callable[[], Any]], world: World) -> dict[Any, Any]:
    """Do all of it in a few threads, and return the answers in the order of the jobs."""
    with Crew[Any, Any](min(MAX_PARALLEL, len(jobs)), stop=world.stop) as crew:
        for key, job in jobs.items():
            crew.submit(key, job)
        answers = dict(crew.next() for _ in jobs)
    return {key: answers[key] for key in jobs}


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


def _facts(certificates: list[Certificate], now: datetime) -> dict[str, Any]:
    ends = [end for each in certificates if (end := end_of(each))]
    facts: dict[str, Any] = {"addresses": [each.address for each in certificates if each.address]}
    if ends:
        facts["days_left"] = round((min(ends) - now).total_seconds() / DAY_SECONDS, 1)
        facts["not_after"] = min(ends).isoformat()
    for first in certificates[:1]:
        facts["protocol"], facts["issuer"] = first.protocol, first.issuer
        if first.served:
            facts["key"], facts["signature"] = key_text(first.served[0]), first.served[0].signature_hash
    return facts


def _until(certificate: Certificate) -> str:
    return f"until {certificate.not_after:%Y-%m-%d}" if certificate.not_after else certificate.problem


def _unique(faults: list[Fault]) -> list[Fault]:
    """Keep one fault per rule and subject, the first: one certificate on two addresses says nothing twice."""
    first: dict[tuple[str, str, Status], Fault] = {}
    for fault in faults:
        first.setdefault((fault.rule, fault.subject, fault.severity), fault)
    return list(first.values())
