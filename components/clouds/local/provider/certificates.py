"""X.509 for the platform's mutual TLS: a root, and leaves with a SPIFFE identity.

Source: RFC 5280 and the SPIFFE X.509-SVID standard (the identity is the only URI SAN; a leaf signs
nothing; a signing certificate carries the trust domain).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def certificate_pem(self) -> str:
        """Returns the certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def key_pem(self) -> str:
        """Returns the key as unencrypted PKCS #8 PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()


def parse(certificate_pem: str | None, key_pem: str | None) -> Identity | None:
    """Returns the identity in two PEM texts, None unless both are whole and belong together."""
    try:
        certificate = x509.load_pem_x509_certificate((certificate_pem or "").encode())
        key = serialization.load_pem_private_key((key_pem or "").encode(), password=None)
    except (ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return Identity(certificate, key) if key.public_key() == certificate.public_key() else None


def fingerprint(certificate: x509.Certificate) -> str:
    """Returns the SHA-256 of a certificate, hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def not_after(certificate: x509.Certificate) -> str:
    """Returns the end of validity, RFC 3339."""
    return certificate.not_valid_after_utc.isoformat()


def make_authority(common_name: str, trust_domain: str, validity_days: int) -> Identity:
    """Returns a new self-signed authority with an ECDSA P-256 key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = _builder(name, name, key, validity_days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    san = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")])
    builder = builder.add_extension(san, critical=False)
    return Identity(builder.sign(key, hashes.SHA256()), key)


def make_leaf(
    authority: Identity,
    common_name: str,
    spiffe_id: str,
    dns_names: Sequence[str],
    ip_addresses: Sequence[str],
    validity_days: int,
) -> Identity:
    """Returns a new leaf for both ends of TLS, signed by the authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = _builder(subject, authority.certificate.subject, key, validity_days)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    san = x509.SubjectAlternativeName(_names(spiffe_id, dns_names, ip_addresses))
    builder = builder.add_extension(san, critical=False)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(signer, critical=False)
    return Identity(builder.sign(authority.key, hashes.SHA256()), key)


def is_leaf_for(
    leaf: Identity,
    authority: x509.Certificate,
    spiffe_id: str,
    dns_names: Sequence[str],
    ip_addresses: Sequence[str],
    validity_days: int,
) -> bool:
    """Tells whether a leaf is signed by the authority and says exactly what is asked for."""
    certificate = leaf.certificate
    try:
        certificate.verify_directly_issued_by(authority)
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return list(san) == _names(spiffe_id, dns_names, ip_addresses) and lifetime == (
        timedelta(days=validity_days) + _CLOCK_SKEW
    )


def ends_within(end: str, days: int) -> bool:
    """Tells whether an RFC 3339 time is less than some days away, or past."""
    return datetime.fromisoformat(end) - datetime.now(UTC) < timedelta(days=days)


def _names(
    spiffe_id: str, dns_names: Sequence[str], ip_addresses: Sequence[str]
) -> list[x509.GeneralName]:
    return [
        x509.UniformResourceIdentifier(spiffe_id),
        *(x509.DNSName(name) for name in dns_names),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in ip_addresses),
    ]


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, validity_days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    builder = x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _CLOCK_SKEW,
        not_valid_after=now + timedelta(days=validity_days),
    )
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.add_extension(own, critical=False)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
