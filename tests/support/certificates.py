"""A certificate authority of the tests' own, and certificates good and bad."""

from __future__ import annotations

import ipaddress
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

DAY = timedelta(days=1)


class Authority:
    """Signs certificates; those who trust it trust them."""

    def __init__(
        self,
        name: str,
        *,
        by: Authority | None = None,
        begins: timedelta = -365 * DAY,
        ends: timedelta = 365 * DAY,
    ) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)])
        now = datetime.now(UTC)
        signer = by or self
        self._certificate = (
            signer._builder(self._name, self._key.public_key(), now + begins, now + ends)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(signer._key, hashes.SHA256())
        )
        self.chain: bytes = b"" if by is None else self.pem + by.chain
        """What a server sends behind a certificate of this authority: the intermediates, as PEM."""

    @property
    def pem(self) -> bytes:
        """The certificate of the authority itself."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        *names: str,
        begins: timedelta = -DAY,
        ends: timedelta = 90 * DAY,
        chain: bytes | None = None,
        key: rsa.RSAPrivateKey | None = None,
        issuer_address: str = "",
    ) -> bytes:
        """Certificate and key as PEM, for host names and IP addresses; `chain` replaces what stands between them."""
        private = key or ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        builder = self._builder(x509.Name([]), private.public_key(), now + begins, now + ends).add_extension(
            x509.SubjectAlternativeName([_name(each) for each in names]), critical=True
        )
        if issuer_address:
            place = x509.UniformResourceIdentifier(issuer_address)
            access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        leaf = builder.sign(self._key, hashes.SHA256())
        return (
            leaf.public_bytes(serialization.Encoding.PEM)
            + (self.chain if chain is None else chain)
            + private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        begin: datetime,
        end: datetime,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@cache
def authority() -> Authority:
    """The authority whose certificates are trusted."""
    return Authority("Tests' own authority")


@cache
def stranger() -> Authority:
    """An authority that nobody trusts."""
    return Authority("Nobody's authority")


def bundle(folder: Path, by: Authority | None = None) -> Path:
    """A file with an authority, the trusted one unless another is given."""
    file = folder / "authority.pem"
    file.write_bytes((by or authority()).pem)
    return file


def server_context(
    *names: str,
    by: Authority | None = None,
    begins: timedelta = -DAY,
    ends: timedelta = 90 * DAY,
) -> ssl.SSLContext:
    """A server's context with a certificate for these names, valid from and to (counted from now)."""
    leaf = (by or authority()).issue(*(names or ("localhost", "127.0.0.1", "::1")), begins=begins, ends=ends)
    return context_of(leaf)


def context_of(pem: bytes, *versions: ssl.TLSVersion, security_level: int | None = None) -> ssl.SSLContext:
    """Return a server's context with this certificate and key.

    From the first of `versions` to the last; a security level of 0 lets weak keys and TLS 1.0 through.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if security_level is not None:
        context.set_ciphers(f"ALL:@SECLEVEL={security_level}")
    if versions:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = versions[0], versions[-1]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "server.pem"
        file.write_bytes(pem)
        context.load_cert_chain(file)
    return context
