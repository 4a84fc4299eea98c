"""A certificate authority for tests, and the certificates of workloads."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

TRUST_DOMAIN = "test.ai-platform.internal"


@dataclass(frozen=True)
class Files:
    """PEM files of one workload."""

    certificate: Path
    key: Path
    authority: Path


class Authority:
    """Signs certificates that are good for a day."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("test authority")
        self._certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self._certificate.public_bytes(Encoding.PEM)

    def issue(
        self, workload: str, trust_domain: str = TRUST_DOMAIN, *, host: str | None = None
    ) -> tuple[bytes, bytes]:
        """Returns certificate and key, PEM, of ``<region>/<workload>``.

        Its host is this machine, unless another is given.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        names = [
            x509.UniformResourceIdentifier(f"spiffe://{trust_domain}/{workload}"),
            *(here if host is None else [x509.DNSName(host)]),
        ]
        certificate = (
            self._builder(_name(workload), key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return (
            certificate.public_bytes(Encoding.PEM),
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        )

    def write(self, folder: Path, workload: str) -> Files:
        """Writes a workload's files to a folder, over those that are there."""
        folder.mkdir(parents=True, exist_ok=True)
        files = Files(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
        certificate, key = self.issue(workload)
        files.certificate.write_bytes(certificate)
        files.key.write_bytes(key)
        files.authority.write_bytes(self.pem)
        return files

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
        )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
