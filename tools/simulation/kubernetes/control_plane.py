"""The processes of a control plane: one etcd for a simulation, one kube-apiserver for a cluster.

All listen on 127.0.0.1 only and end with the process that started them. What they hold stays in
the simulation's folder, so that a later run finds every cluster as it was left.
"""

import contextlib
import http.client
import ipaddress
import secrets
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tools.simulation.kubernetes import build

LOOPBACK = "127.0.0.1"
_START_SECONDS = 60
_STOP_SECONDS = 10
_CERTIFICATE_DAYS = 3650

# The kernel ends a child when the *thread* that started it ends, so one thread that lives as long
# as this process starts them all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="control-plane")


class ControlPlaneError(Exception):
    """A process of the control plane did not come up; the message has the end of its log."""


class _Process:
    """A server with a log file, ended with this process at the latest."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self._log = log
        self._child = _starter.submit(self._spawn, command).result()

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        leash = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [*leash, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait(self, ready: Callable[[], bool]) -> None:
        """Waits until the server answers.

        Raises:
            ControlPlaneError: it ended, or does not answer in time.
        """
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if self._child.poll() is not None:
                raise ControlPlaneError(f"{self.name} ended while starting:\n{self._said()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if ready():
                    return
            if time.monotonic() > deadline:
                self.stop()
                raise ControlPlaneError(
                    f"{self.name} is not ready after {_START_SECONDS} s:\n{self._said()}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends the server; does nothing when it has ended."""
        self._child.terminate()
        try:
            self._child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _said(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])


@dataclass(frozen=True)
class Access:
    """How to call one apiserver."""

    port: int
    token: str
    tls: ssl.SSLContext


class Etcd:
    """The store of all clusters of a simulation, each below its own prefix."""

    def __init__(self, folder: Path) -> None:
        """Starts it on the data in ``folder``, and waits until it answers.

        Raises:
            ControlPlaneError: it does not come up.
        """
        folder.mkdir(parents=True, exist_ok=True)
        client, peer = free_ports(2)
        self.url = f"http://{LOOPBACK}:{client}"
        peers = f"http://{LOOPBACK}:{peer}"
        self._process = _Process(
            "etcd",
            [
                str(build.etcd()),
                f"--data-dir={folder / 'etcd'}",
                f"--listen-client-urls={self.url}",
                f"--advertise-client-urls={self.url}",
                f"--listen-peer-urls={peers}",
                f"--initial-advertise-peer-urls={peers}",
                f"--initial-cluster=default={peers}",
                # What is written outlives a killed process; only a dying machine could lose it.
                "--unsafe-no-fsync",
                "--log-level=warn",
            ],
            folder / "etcd.log",
        )

        def ready() -> bool:
            connection = http.client.HTTPConnection(LOOPBACK, client, timeout=2)
            return _answers(connection, "/health", {})

        self._process.wait(ready)

    def stop(self) -> None:
        """Ends it."""
        self._process.stop()


class ApiServer:
    """The kube-apiserver of one cluster."""

    def __init__(self, folder: Path, etcd: Etcd, prefix: str) -> None:
        """Starts it on what the store holds below ``prefix``, and waits until it is ready.

        Raises:
            ControlPlaneError: it does not come up.
        """
        keys = _keys(folder)
        (port,) = free_ports(1)
        self._process = _Process(
            "kube-apiserver",
            [
                str(build.apiserver()),
                f"--etcd-servers={etcd.url}",
                f"--etcd-prefix=/{prefix}",
                f"--bind-address={LOOPBACK}",
                f"--advertise-address={LOOPBACK}",
                f"--secure-port={port}",
                f"--tls-cert-file={keys / 'server.crt'}",
                f"--tls-private-key-file={keys / 'server.key'}",
                f"--token-auth-file={keys / 'tokens.csv'}",
                "--anonymous-auth=false",
                "--authorization-mode=RBAC",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={keys / 'accounts.key'}",
                f"--service-account-signing-key-file={keys / 'accounts.key'}",
                "--service-cluster-ip-range=10.96.0.0/12",
                # Pod Security has to judge privileged pods, not this switch.
                "--allow-privileged=true",
                # Its finalizers wait for a controller that is not here.
                "--disable-admission-plugins=StorageObjectInUseProtection",
                "--endpoint-reconciler-type=none",
                "--enable-priority-and-fairness=false",
                "--profiling=false",
            ],
            folder / f"{prefix}.log",
        )
        tls = ssl.create_default_context(cafile=str(keys / "server.crt"))
        token = (keys / "tokens.csv").read_text().split(",", 1)[0]
        self.access = Access(port, token, tls)

        def ready() -> bool:
            connection = http.client.HTTPSConnection(LOOPBACK, port, timeout=5, context=tls)
            return _answers(connection, "/readyz", {"Authorization": f"Bearer {token}"})

        self._process.wait(ready)

    def stop(self) -> None:
        """Ends it."""
        self._process.stop()


def _answers(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> bool:
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as response:
            return response.status == http.client.OK


def free_ports(count: int) -> list[int]:
    """Returns ports of 127.0.0.1 that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [one.getsockname()[1] for one in sockets]


def _keys(folder: Path) -> Path:
    """Returns the folder with the server's certificate, its keys and the administrator's token."""
    keys = folder / "keys"
    if keys.exists():
        return keys
    fresh = folder / f"keys-{secrets.token_hex(4)}.partial"
    fresh.mkdir(parents=True, mode=0o700)
    server = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(server.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_CERTIFICATE_DAYS))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]),
            critical=False,
        )
        .sign(server, hashes.SHA256())
    )
    (fresh / "server.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (fresh / "server.key").write_bytes(_pem(server))
    (fresh / "accounts.key").write_bytes(_pem(ec.generate_private_key(ec.SECP256R1())))
    (fresh / "tokens.csv").write_text(
        f'{secrets.token_urlsafe(24)},administrator,administrator,"system:masters"\n'
    )
    with contextlib.suppress(OSError):
        fresh.rename(keys)
    return keys


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
