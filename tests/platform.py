"""A whole platform of a test's own: its own folder, ports and Pulumi state.

It is brought up by the same commands a user runs, from an environment file derived from the
repository's by moving every port.
"""

import json
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import grpc
import psycopg
import yaml

from components.clouds.local.provider.ports import is_free
from components.clouds.local.provider.processes import marked_below
from stacks.environment import CONFIG_KEY, check
from stacks.local_environment import LocalEnvironment
from tools.client import Client
from tools.down import down
from tools.paths import ROOT
from tools.stack import Stack

T = TypeVar("T")


def eventually(probe: Callable[[], T], *, seconds: float = 20, what: str = "") -> T:
    """Returns the first true result of ``probe``; it may raise or be false until then.

    Raises:
        AssertionError: it is still false, or raises, after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        last: object = None
        try:
            result = probe()
            if result:
                return result
            last = result
        except Exception as error:  # noqa: BLE001 - whatever it is, it may pass
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"{what or probe} did not come true in {seconds} s: {last!r}")
        time.sleep(0.05)


def _moved(value: Any, offset: int) -> Any:
    if isinstance(value, dict):
        return {key: _moved(one, offset) for key, one in value.items()}
    return value + offset


@dataclass(kw_only=True)
class Platform:
    """A stack in a folder of its own.

    Attributes:
        folder: everything it writes.
        settings: the environment as it stands in the file; ``write`` puts changes there.
    """

    folder: Path
    settings: dict[str, Any]
    stack: Stack = field(init=False)
    _outputs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Writes the environment file."""
        file = self.folder / "Pulumi.test.yaml"
        self.stack = Stack(name="test", folder=self.folder / "home", config_file=file)
        self.write()

    @property
    def environment(self) -> LocalEnvironment:
        """The environment, parsed."""
        return check(LocalEnvironment, self.settings, file="test")

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets included."""
        if not self._outputs:
            self._outputs = self.stack.outputs(show_secrets=True)
        return self._outputs

    def write(self, **changes: Any) -> None:
        """Changes the environment file, keeping what Pulumi itself wrote there."""
        self.settings |= changes
        assert self.stack.config_file
        path = self.stack.config_file
        kept = yaml.safe_load(path.read_text()) if path.exists() else {}
        path.write_text(yaml.safe_dump(kept | {"config": {CONFIG_KEY: self.settings}}))
        self._outputs = {}

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs pulumi on the stack, as a user would by hand."""
        return self.stack.run(*arguments, capture=True)

    def up(self) -> str:
        """Runs ``pulumi up``; returns what it printed."""
        ended = self.pulumi("up", "--yes", "--skip-preview")
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        self._outputs = {}
        return ended.stdout

    def changes(self) -> str:
        """Returns what a preview would change; empty when nothing."""
        ended = self.pulumi("preview", "--expect-no-changes", "--diff")
        return "" if ended.returncode == 0 else f"{ended.stdout}\n{ended.stderr}"

    @contextmanager
    def client(self, region: str | None = None, *, login: bool = True) -> Iterator[Client]:
        """Yields a REST client of the director, or of one region's gateway, logged in as admin."""
        outputs = self.outputs
        url = outputs["regions"][region]["api_url"] if region else outputs["api_url"]
        with Client(url, outputs["ca_certificate"]) as client:
            if login:
                client.login(outputs["admin_username"], outputs["admin_password"])
            yield client

    @contextmanager
    def channel(self) -> Iterator[grpc.Channel]:
        """Yields a gRPC channel to the director."""
        authority = Path(self.outputs["ca_certificate"]).read_bytes()
        credentials = grpc.ssl_channel_credentials(authority)
        with grpc.secure_channel(self.outputs["grpc"]["security"], credentials) as channel:
            yield channel

    def region(self, name: str) -> Path:
        """Returns a region's folder."""
        return self.stack.folder / name

    def resource(self, name: str) -> dict[str, Any]:
        """Returns the outputs of a resource in the state, secrets in the clear."""
        exported = self.pulumi("stack", "export", "--show-secrets")
        state = json.loads(exported.stdout)["deployment"]["resources"]
        return next(one["outputs"] for one in state if one["urn"].endswith(f"::{name}"))

    def secret(self, resource: str) -> str:
        """Returns what a RandomPassword holds."""
        made = self.resource(resource)["value"]
        return json.loads(made["plaintext"]) if isinstance(made, dict) else made

    def password(self, role: str) -> str:
        """Returns the password of a service's database role."""
        return self.secret(f"{role.replace('_', '-')}-password")

    def database(self, name: str, role: str, *, region: str) -> psycopg.Connection[Any]:
        """Connects to a service's database on a region's server."""
        port = self.environment.local.regions[region].database
        return psycopg.connect(
            host="127.0.0.1",
            port=port,
            dbname=name,
            user=role,
            password=self.password(role),
            autocommit=True,
        )

    def processes(self) -> list[str]:
        """Returns the marks of the running processes."""
        return sorted(one.mark for one in marked_below(self.stack.folder))

    def open_ports(self) -> list[int]:
        """Returns the environment's ports that something listens on."""
        spec = self.environment
        return [port for _, port in spec.local.ports(spec.services.replicas()) if not is_free(port)]


def make(folder: Path) -> Platform:
    """Returns a platform that is not up yet, on ports that are free now."""
    text = (ROOT / "environments" / "Pulumi.local.yaml").read_text()
    settings = yaml.safe_load(text)["config"][CONFIG_KEY]
    for offset in range(2000, 40000, 1000):
        moved = settings | {"local": _moved(settings["local"], offset)}
        spec = check(LocalEnvironment, moved, file="test")
        if all(is_free(port) for _, port in spec.local.ports(spec.services.replicas())):
            return Platform(folder=folder, settings=moved)
    raise AssertionError("no free range of ports")


@contextmanager
def running() -> Iterator[Platform]:
    """Brings a platform up, and takes it down whatever happens."""
    with tempfile.TemporaryDirectory(prefix="aip-") as name:
        platform = make(Path(name))
        try:
            platform.stack.prepare()
            platform.up()
            yield platform
        finally:
            down(platform.stack)


def tls_version(url: str, authority: str, maximum: ssl.TLSVersion) -> str | None:
    """Returns the TLS version an address agrees to, with clients of at most ``maximum``."""
    host, _, port = url.removeprefix("https://").partition(":")
    context = ssl.create_default_context(cafile=authority)
    context.maximum_version = maximum
    with socket.create_connection((host, int(port))) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host) as secured:
                return secured.version()
        except ssl.SSLError:
            return None
