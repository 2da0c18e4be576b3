"""Whether every address serves a valid certificate, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ci_ops.checks.tls.certificate import Beyond, CertificateCheck, at_once
from ci_ops.checks.tls.transport import (
    Accepted,
    has_hsts,
    hsts,
    redirect,
    untried,
    version_facts,
    version_faults,
)
from ci_ops.core.plugin import Rule
from ci_ops.core.ports.tls import VERSIONS
from ci_ops.core.text.weburl import port_of

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from ci_ops.checks._verdict import Fault
    from ci_ops.core.ports.tls import Certificate
    from ci_ops.core.ports.world import World
    from ci_ops.core.subject import Subject


@dataclass(frozen=True, kw_only=True)
class Tls(CertificateCheck):
    """Every address serves the same good certificate, and http leads to https.

    How soon an expiry matters follows from the certificate's lifetime: warn
    below a third, fail below a sixth or 48 hours, whichever is more; a half
    and a quarter where the lifetime is ten days or less. The first certificate
    of the chain that ends counts, the issuers' too. Each version of TLS is tried
    by a handshake of its own, and Strict-Transport-Security is looked for,
    except at IP addresses and loopback, where browsers do not heed it. Where the
    environment names a proxy, the handshakes go through it.

    Source: CA/Browser Forum ballot SC-081v3 (lifetimes shrink to 47 days by
    2029), RFC 8996 (TLS 1.0 and 1.1 are not to be used), RFC 6797 (HSTS).
    """

    rules: ClassVar[Mapping[str, Rule]] = {
        **CertificateCheck.rules,
        "old-protocol": Rule(
            sentence="Versions of TLS are accepted that are not to be used any more.",
            advice="Allow TLS 1.2 and 1.3 alone: `ssl_protocols TLSv1.2 TLSv1.3` in nginx.",
        ),
        "no-new-protocol": Rule(
            sentence="TLS 1.3 is refused.",
            advice="Allow TLS 1.3 beside 1.2: `ssl_protocols TLSv1.2 TLSv1.3` in nginx.",
        ),
        "hsts": Rule(
            sentence="Browsers are not instructed to use https alone.",
            advice="Send `Strict-Transport-Security: max-age=31536000; includeSubDomains` with every https answer; a "
            "short max-age first, where some of the host may still need http.",
        ),
        "no-redirect": Rule(
            sentence="Plain http does not lead to https.",
            advice="Answer port 80 with a 301 or 308 to the https address of the same host, or close it.",
        ),
    }

    redirect: bool = True
    """Look whether port 80 leads to https; only where the URL has no port of its own."""
    hsts: bool = False
    """Warn on pages for browsers where Strict-Transport-Security is missing or shorter than a year."""
    protocols: bool = True
    """Warn where TLS 1.0 or 1.1 is accepted, or 1.3 is refused."""

    def beyond(
        self, parts: SplitResult, subject: Subject, world: World, certificates: Mapping[str, Certificate]
    ) -> Beyond:
        """Handshakes of single versions, then the questions over http."""
        name = parts.netloc.rpartition("@")[2]
        accepted: Accepted = {}
        faults: list[Fault] = []
        facts: dict[str, Any] = {}
        if self.protocols and certificates:
            accepted = _versions(parts, subject, world, list(certificates))
            faults += version_faults(name, accepted)
            facts["versions"] = version_facts(accepted)
        for rule, (fault, fact) in self._over_http(parts, subject, world, certificates).items():
            faults += [fault] if fault else []
            facts[rule] = fact
        return Beyond(faults=faults, facts=facts, note=untried(accepted))

    def _over_http(
        self, parts: SplitResult, subject: Subject, world: World, certificates: Mapping[str, Certificate]
    ) -> dict[str, tuple[Fault | None, str]]:
        """Return the observations over http and https, by the name of their fact."""
        found = {}
        if self.hsts and has_hsts(parts) and any(each.verified for each in certificates.values()):
            found["hsts"] = hsts(parts, world, timeout_seconds=subject.timeout_seconds)
        if self.redirect and certificates and parts.port in {None, 443}:
            found["http"] = redirect(parts, world, timeout_seconds=subject.timeout_seconds)
        return found


def _versions(parts: SplitResult, subject: Subject, world: World, addresses: list[str]) -> Accepted:
    """Return which versions each address accepts, every one by a handshake of its own."""
    host, port, timeout = parts.hostname or "", port_of(parts), subject.timeout_seconds
    jobs = {
        (version, address): partial(
            world.tls.accepts, host, port, version=version, address=address, timeout_seconds=timeout
        )
        for version in VERSIONS
        for address in addresses
    }
    answers = at_once(jobs, world)
    return {version: {address: answers[version, address] for address in addresses} for version in VERSIONS}
