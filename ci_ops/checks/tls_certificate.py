"""Whether the certificate of the environment's address is good before a deployment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ci_ops.checks.tls.certificate import CertificateCheck
from ci_ops.core.plugin import Phase


@dataclass(frozen=True, kw_only=True)
class TlsCertificate(CertificateCheck):
    """The certificate of the environment's address is good on every host.

    The address is `verify.url`, or the input `url`; nothing of the service but its handshake is asked. How soon an
    expiry matters follows from the certificate's lifetime, as in the check `tls`.

    Source: CA/Browser Forum ballot SC-081v3.
    """

    phases: ClassVar[frozenset[Phase]] = frozenset({Phase.READINESS})
