"""Server-side mTLS whose files may be renewed while it serves."""

import logging
from pathlib import Path

import grpc
import grpc.aio
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from services.runtime.settings import ServiceSettings

_log = logging.getLogger(__name__)


class Certificates:
    """A workload's certificate, key and trusted authority, read again when a file changes.

    Renewal writes files one after the other; a pair that does not match is not taken, and the pair
    before stays in use until the next handshake finds one that does.

    Raises:
        ValueError: at the start, the files are not PEM or the key is not the certificate's.
    """

    def __init__(self, certificate: Path, key: Path, authority: Path) -> None:
        self._files = (certificate, key, authority)
        self._stamp = self._stamps()
        self._configuration = self._load()

    def server_credentials(self) -> grpc.ServerCredentials:
        """Returns credentials that require a client certificate of the authority."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration, self._current, require_client_authentication=True
        )

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        status = [file.stat() for file in self._files]
        return tuple((one.st_mtime_ns, one.st_ino) for one in status)

    def _load(self) -> grpc.ServerCertificateConfiguration:
        certificate, key, authority = (file.read_bytes() for file in self._files)
        x509.load_pem_x509_certificates(authority)
        in_certificate = x509.load_pem_x509_certificates(certificate)[0].public_key()
        in_key = load_pem_private_key(key, None).public_key()
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if in_certificate.public_bytes(*form) != in_key.public_bytes(*form):
            message = f"{self._files[1]} is not the key of {self._files[0]}"
            raise ValueError(message)
        return grpc.ssl_server_certificate_configuration([(key, certificate)], authority)

    def _current(self) -> grpc.ServerCertificateConfiguration:
        try:
            stamp = self._stamps()
            if stamp != self._stamp:
                self._configuration = self._load()
                self._stamp = stamp
                _log.info("certificate renewed", extra={"fields": {"file": str(self._files[0])}})
        except (OSError, ValueError) as error:
            _log.warning("certificate not renewed", extra={"fields": {"error": str(error)}})
        return self._configuration


def open_channel(settings: ServiceSettings, address: str) -> grpc.aio.Channel:
    """Opens a channel to another workload, ``host:port``, showing this workload's certificate.

    The files are read now: a channel that is kept for longer than a certificate lives must be
    opened again.
    """
    credentials = grpc.ssl_channel_credentials(
        settings.tls_ca_file.read_bytes(),
        settings.tls_key_file.read_bytes(),
        settings.tls_certificate_file.read_bytes(),
    )
    return grpc.aio.secure_channel(address, credentials)
