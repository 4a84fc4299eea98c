"""Health checks: what a process must answer to count as ready.

A probe returns None when the answer is right, else in words what it was.
"""

import http.client
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from components.clouds.local.provider.framework import Folder, Inputs, Port
from components.clouds.local.provider.ports import LOOPBACK

Probe = Callable[[], str | None]

_SERVER_NAME = "localhost"
_PROBE_SECONDS = 3
_SERVING = b"\x08\x01"
"""grpc.health.v1.HealthCheckResponse{status: SERVING}."""
_REDIRECTS_END = 400


class Readiness(Inputs):
    """When a process counts as ready."""

    kind: Literal["grpc", "http", "tcp"]
    port: Port
    path: str = Field("/", pattern="^/")
    ca_file: Folder | None = None
    certificate_file: Folder | None = None
    key_file: Folder | None = None
    timeout_seconds: int = Field(60, ge=1, le=3600)

    @model_validator(mode="after")
    def _tls_is_whole(self) -> "Readiness":
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together; one is missing")
        if self.certificate_file and self.ca_file is None:
            raise ValueError("ca_file is missing; the server is checked by it")
        return self

    def probe(self) -> Probe:
        """Returns the check."""
        return {"grpc": self._grpc, "http": self._http, "tcp": self._tcp}[self.kind]

    def _tcp(self) -> str | None:
        try:
            socket.create_connection((LOOPBACK, self.port), timeout=_PROBE_SECONDS).close()
        except OSError as error:
            return f"port {self.port}: {error}"
        return None

    def _http(self) -> str | None:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=_PROBE_SECONDS)
        try:
            if self.ca_file:
                connection.sock = self._tls_socket(self.ca_file)
            connection.request("GET", self.path, headers={"Host": _SERVER_NAME})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return f"GET {self.path} on port {self.port}: {error}"
        finally:
            connection.close()
        if status < http.client.OK or status >= _REDIRECTS_END:
            return f"GET {self.path} on port {self.port} answers {status}"
        return None

    def _tls_socket(self, ca_file: str) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=ca_file)
        if self.certificate_file:
            context.load_cert_chain(self.certificate_file, self.key_file)
        plain = socket.create_connection((LOOPBACK, self.port), timeout=_PROBE_SECONDS)
        try:
            return context.wrap_socket(plain, server_hostname=_SERVER_NAME)
        except BaseException:
            plain.close()
            raise

    def _grpc(self) -> str | None:
        import grpc

        target = f"{LOOPBACK}:{self.port}"
        options = [
            ("grpc.ssl_target_name_override", _SERVER_NAME),
            ("grpc.enable_http_proxy", 0),
            # A channel shared with an earlier probe would sit in its reconnect back-off.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        try:
            if self.ca_file:
                credentials = grpc.ssl_channel_credentials(
                    root_certificates=Path(self.ca_file).read_bytes(),
                    private_key=Path(self.key_file).read_bytes() if self.key_file else None,
                    certificate_chain=Path(self.certificate_file).read_bytes()
                    if self.certificate_file
                    else None,
                )
                channel = grpc.secure_channel(target, credentials, options)
            else:
                channel = grpc.insecure_channel(target, options)
        except OSError as error:
            return str(error)
        with channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=bytes,
                response_deserializer=bytes,
            )
            try:
                answer = check(b"", timeout=_PROBE_SECONDS)
            except grpc.RpcError as error:
                reason = error.details() if isinstance(error, grpc.Call) else str(error)
                return f"health check on port {self.port}: {reason}"
        return None if answer == _SERVING else f"health check on port {self.port}: not serving"
