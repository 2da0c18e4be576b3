"""Faults of a certificate and of its chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ci_ops.checks._verdict import Fault, evidence
from ci_ops.core.health.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ci_ops.core.ports.tls import Certificate, ChainLink
    from ci_ops.core.ports.world import World

DAY_SECONDS = 86_400
MAX_NAME_CHARACTERS = 80
_ISSUER_ADVICE = "Reissue the certificate, and install it together with its present intermediates."
_PROBLEMS = {
    "hostname": "is not valid for this host name",
    "expired": "has expired",
    "not-yet-valid": "is not valid yet",
    "chain": "has no complete chain to a trusted root",
    "weak": "has a key or a signature that is too weak",
}


def chain_faults(world: World, name: str, certificate: Certificate) -> Iterator[Fault]:
    """Yield what is wrong with the certificate and the chain, apart from an expiry that is still to come."""
    if not certificate.verified:
        yield _untrusted(world, name, certificate)
    elif missing := _missing(certificate):
        yield Fault(
            rule="incomplete-chain",
            severity=Status.WARN,
            sentence=f"{name} does not send an intermediate certificate that this machine has of its own.",
            expected="every certificate between the server's own and the root",
            observed=evidence(world, f"not sent: {_listed(missing)}{at(certificate)}"),
            subject=name,
        )
    expired = [each for each in _extra(certificate) if each.not_after < world.clock.now()]
    if certificate.verified and expired:
        yield Fault(
            rule="expired-extra",
            severity=Status.WARN,
            sentence=f"{name} sends an expired certificate that it does not need.",
            expected="the certificates of the chain alone",
            observed=evidence(world, f"{_listed(expired)}{at(certificate)}"),
            subject=name,
        )


def _untrusted(world: World, name: str, certificate: Certificate) -> Fault:
    last = _last_linked(certificate.served)
    ends_with_own = last is not None and last is certificate.served[0] and not last.is_root
    if certificate.problem == "chain" and ends_with_own and last is not None and last.issuer_address:
        return Fault(
            rule="incomplete-chain",
            severity=Status.FAIL,
            sentence=f"{name} does not send the certificate of its issuer, which browsers fetch and others do not.",
            expected="every certificate between the server's own and the root",
            observed=evidence(world, f"not sent: {last.issuer}{at(certificate)}"),
            subject=name,
        )
    problem = _PROBLEMS.get(certificate.problem, "cannot be trusted")
    strength = f" ({_strengths(certificate.served)})" if certificate.problem == "weak" else ""
    return Fault(
        rule="weak" if certificate.problem == "weak" else "certificate",
        severity=Status.FAIL,
        sentence=f"The certificate of {name} {problem}.",
        expected=f"a valid certificate for {name}",
        observed=evidence(world, f"{_names(certificate)}{at(certificate)}: {certificate.detail}{strength}"),
        subject=f"{name} {certificate.problem}",
    )


def _last_linked(served: tuple[ChainLink, ...]) -> ChainLink | None:
    """Return the end of the chain that the server sent, in whatever order its issuers are listed."""
    if not served:
        return None
    by_subject = {each.subject: each for each in served[1:]}
    link, visited = served[0], {served[0].subject}
    while (issuer := by_subject.get(link.issuer)) is not None and issuer.subject not in visited:
        link = issuer
        visited.add(link.subject)
    return link


def _missing(certificate: Certificate) -> list[ChainLink]:
    """Return the intermediates of the verified chain that came from this machine alone."""
    served = {(each.issuer, each.serial) for each in certificate.served}
    return [
        each
        for each in certificate.trusted[1:]
        if certificate.served and not each.is_root and (each.issuer, each.serial) not in served
    ]


def _extra(certificate: Certificate) -> list[ChainLink]:
    """Return the certificates that the server sent and the verified chain does not need."""
    trusted = {(each.issuer, each.serial) for each in certificate.trusted}
    return [each for each in certificate.served if (each.issuer, each.serial) not in trusted]


def expiry_fault(
    world: World, name: str, certificate: Certificate, *, warn_seconds: float, fail_seconds: float
) -> Fault | None:
    """Return the fault for the first expiry in the chain; None if it is far enough."""
    end = end_of(certificate)
    assert end is not None
    left = (end - world.clock.now()).total_seconds()
    if left >= max(warn_seconds, fail_seconds):
        return None
    limit = fail_seconds if left < fail_seconds else warn_seconds
    days = f"{left / DAY_SECONDS:.1f} days"
    is_own = end == certificate.not_after
    issuer = (
        ""
        if is_own
        else evidence(world, certificate.chain_ends_with, MAX_NAME_CHARACTERS) or "an unnamed issuer"
    )
    return Fault(
        rule="expires",
        severity=Status.FAIL if left < fail_seconds else Status.WARN,
        sentence=f"The certificate of {name} expires in {days}."
        if is_own
        else f"The chain of {name} ends in {days}, when its issuer {issuer} expires.",
        expected=f"at least {limit / DAY_SECONDS:.1f} days left",
        observed=f"valid until {end:%Y-%m-%d %H:%M} UTC{at(certificate)}",
        subject=name if is_own else f"{name} {issuer}",
        advice="" if is_own else _ISSUER_ADVICE,
    )


def end_of(certificate: Certificate) -> datetime | None:
    """Return when the certificate or the first of its issuers ends."""
    ends = [each for each in (certificate.not_after, certificate.chain_not_after) if each]
    return min(ends, default=None)


def at(certificate: Certificate) -> str:
    """Return the address as the end of a sentence; empty behind a proxy."""
    return f" at {certificate.address}" if certificate.address else ""


def key_text(link: ChainLink) -> str:
    """Return type and length of a key, such as `RSA 2048`."""
    return f"{link.key_kind or 'unknown key'}{f' {link.key_bits}' if link.key_bits else ''}"


def _strengths(served: tuple[ChainLink, ...]) -> str:
    return ", ".join(
        f"{key_text(each)} signed with {each.signature_hash or 'an unknown hash'}" for each in served
    )


def _listed(links: list[ChainLink]) -> str:
    return "; ".join(each.subject[:MAX_NAME_CHARACTERS] or "an unnamed certificate" for each in links[:3])


def _names(certificate: Certificate) -> str:
    return ", ".join(certificate.subject_names[:5]) or "no name"
