"""Certificate authorities of what simulated clouds make, always the same for the same name."""

import base64
import datetime as dt
import hashlib
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

_START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_YEARS_VALID = 30


@lru_cache(maxsize=256)
def authority(name: str) -> str:
    """Returns a self-signed CA certificate as PEM.

    Everything in it follows from the name (Ed25519 signs without chance), so that a cluster shows
    the same certificate in every run.
    """
    seed = hashlib.sha256(name.encode()).digest()
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[-64:] or "unknown")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(seed[:12], "big") + 1)
        .not_valid_before(_START)
        .not_valid_after(_START + dt.timedelta(days=365 * _YEARS_VALID))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def encoded_authority(name: str) -> str:
    """Returns such a certificate as kubeconfigs hold it: base64 of the PEM."""
    return base64.b64encode(authority(name).encode()).decode()
