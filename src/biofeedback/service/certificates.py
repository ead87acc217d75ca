"""Certificates of this computer's own making: a small authority, and one for the page.

Whoever has the authority's key can pose as any site to the devices that trust it. So
it never leaves its folder, and what it may vouch for is written into its certificate:
the names of this computer and private addresses, nothing else (RFC 5280 §4.2.1.10).
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from biofeedback.service.machine import PRIVATE, address_of, is_private

AUTHORITY_DAYS = 5 * 365
PAGE_DAYS = 397
"""Browsers take no certificate that is good for longer (CA/Browser Forum §6.3.2)."""

BACKDATED = dt.timedelta(days=1)
"""The clock of a phone may be a little behind."""

_SIGNS_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_CERTIFIES_ONLY = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Pair:
    """A certificate and the key that belongs to it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def read(cls, certificate: bytes, key: bytes) -> Pair:
        """Return what two PEM files hold.

        Raises
        ------
        ValueError
            When one is damaged, or they do not belong together.
        """
        found = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError("not a key on an elliptic curve")
        if private.public_key() != found.public_key():
            raise ValueError("the key is another certificate's")
        return cls(found, private)

    @property
    def certificate_pem(self) -> bytes:
        """Return the certificate, which anybody may see."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """Return the key, which nobody may see."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def new_authority(names: Sequence[str], now: dt.datetime) -> Pair:
    """Return an authority that may vouch for ``names`` and private addresses only."""
    key = ec.generate_private_key(ec.SECP256R1())
    number = x509.random_serial_number()
    # Two of them on one phone must be told apart.
    subject = _named(f"Biofeedback at {names[0]} ({number % 0xFFFF:04x})")
    since = now - BACKDATED
    permitted = [x509.DNSName(name) for name in names if address_of(name) is None]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .serial_number(number)
        .not_valid_before(since)
        .not_valid_after(since + dt.timedelta(days=AUTHORITY_DAYS))
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_CERTIFIES_ONLY, critical=True)
        .add_extension(
            x509.NameConstraints(
                permitted_subtrees=[
                    *permitted,
                    x509.DNSName("localhost"),
                    *map(x509.IPAddress, PRIVATE),
                ],
                excluded_subtrees=None,
            ),
            critical=True,
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate, key)


def new_page(authority: Pair, names: Sequence[str], now: dt.datetime) -> Pair:
    """Return a certificate for the page at ``names`` and at this very computer."""
    key = ec.generate_private_key(ec.SECP256R1())
    since = max(now - BACKDATED, authority.certificate.not_valid_before_utc)
    until = min(
        since + dt.timedelta(days=PAGE_DAYS), authority.certificate.not_valid_after_utc
    )
    issuer = authority.key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_named("Biofeedback"))
        .issuer_name(authority.certificate.subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNS_ONLY, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(
            x509.SubjectAlternativeName([_spelled(name) for name in _all(names)]),
            critical=False,
        )
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    return Pair(certificate, key)


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the names and addresses a certificate is good for, in its order."""
    try:
        found = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(
        str(one.value).lower()
        for one in found
        if isinstance(one, x509.DNSName | x509.IPAddress)
    )


def covers(certificate: x509.Certificate, names: Sequence[str]) -> bool:
    """Say whether a page's certificate is good for all ``names``."""
    return set(_all(names)) <= set(names_of(certificate))


def may_vouch_for(authority: x509.Certificate, name: str) -> bool:
    """Say whether an authority may sign for ``name``."""
    limits = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    permitted = limits.permitted_subtrees or ()
    address = address_of(name)
    if address is None:
        return x509.DNSName(name) in permitted
    return any(
        isinstance(one.value, ipaddress.IPv4Network | ipaddress.IPv6Network)
        and address in one.value
        for one in permitted
    )


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate as systems show it: ``AB:CD:…``."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def can_be_local(name: str) -> bool:
    """Say whether an authority of one's own may vouch for ``name`` at all."""
    address = address_of(name)
    return address is None or is_private(address)


def _all(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, "localhost", "127.0.0.1", "::1")))


def _spelled(name: str) -> x509.GeneralName:
    address = address_of(name)
    if address is None:
        return x509.DNSName(name)
    return x509.IPAddress(ipaddress.ip_address(address))


def _named(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Biofeedback"),
            x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
        ]
    )
