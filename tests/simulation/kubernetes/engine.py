"""A small Pulumi program under the real engine, with the stand-in as its kubernetes provider."""

import json
import os
import subprocess
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from tools.paths import ROOT
from tools.pulumi_cli import find
from tools.simulation.kubernetes.provider import KubernetesProvider

PROJECT = f"""
name: objects
runtime: {{name: python, options: {{virtualenv: {ROOT}/.venv}}}}
"""

PRELUDE = """
import json
from pathlib import Path

import pulumi
import pulumi_kubernetes as k8s
from pulumi_kubernetes.apiextensions import CustomResource


def kubeconfig(name):
    return json.dumps({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example.internal"}}],
        "users": [{"name": name, "user": {"token": "not-to-be-shown"}}],
    })


def cluster(name="east"):
    provider = k8s.Provider(name, kubeconfig=kubeconfig(name))
    return pulumi.ResourceOptions(provider=provider)


LABELS = {"app": "api"}
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def namespace(opts, **labels):
    return k8s.core.v1.Namespace(
        "platform", metadata={"name": "platform", "labels": labels}, opts=opts
    )


def deployment(opts, space, labels=None, pod=None, **container):
    labels = labels or LABELS
    one = {"name": "api", "image": "registry.example/api:1", **container}
    return k8s.apps.v1.Deployment(
        "api",
        metadata={"name": "api", "namespace": space.metadata.name},
        spec={
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [one], **(pod or {})},
            },
        },
        opts=opts,
    )


def service(opts, space, labels=None, port=8080):
    return k8s.core.v1.Service(
        "api",
        metadata={"name": "api", "namespace": space.metadata.name},
        spec={"selector": labels or LABELS, "ports": [{"port": 80, "target_port": port}]},
        opts=opts,
    )


"""


@dataclass
class Engine:
    """A stack of one small program.

    Attributes:
        folder: the program and its state.
        provider: the stand-in, in this process.
    """

    folder: Path
    provider: KubernetesProvider
    _server: grpc.Server = field(init=False)
    _environment: dict[str, str] = field(init=False)
    _updated: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Serves the provider and makes the stack."""
        self._server = grpc.server(futures.ThreadPoolExecutor(16))
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(self.provider, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self._environment = os.environ | {
            "PULUMI_BACKEND_URL": f"file://{self.folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_HOME": str(self.folder / "pulumi"),
            "PULUMI_DEBUG_PROVIDERS": f"kubernetes:{port}",
        }
        (self.folder / "state").mkdir(parents=True)
        (self.folder / "Pulumi.yaml").write_text(PROJECT)
        (self.folder / "__main__.py").write_text(PRELUDE)
        self._run("stack", "init", "test")

    def close(self) -> None:
        """Deletes what the stack made, and stops serving; the clusters stay."""
        if self._updated:
            self.destroy()
        self._server.stop(None).wait()

    def program(self, body: str) -> None:
        """Sets the program, after the prelude."""
        (self.folder / "__main__.py").write_text(PRELUDE + body)

    def preview(self, body: str | None = None, *, fails: bool = False) -> str:
        """Previews the program and returns what was printed."""
        return self._act("preview", body, fails, "--diff")

    def up(self, body: str | None = None, *, fails: bool = False) -> str:
        """Updates the stack without a preview and returns what was printed."""
        self._updated = True
        return self._act("up", body, fails, "--skip-preview", "--yes")

    def refresh(self) -> str:
        """Reads every resource anew and returns what was printed."""
        return self._run("refresh", "--skip-preview", "--yes", "--diff")

    def destroy(self) -> str:
        """Deletes everything and returns what was printed."""
        return self._run("destroy", "--skip-preview", "--yes")

    def changes(self) -> dict[str, int]:
        """Returns how many resources a preview would create, update, replace, or leave."""
        return json.loads(self._run("preview", "--json"))["changeSummary"]

    def outputs(self) -> dict[str, Any]:
        """Returns the stack's outputs."""
        return json.loads(self._run("stack", "output", "--json", "--show-secrets"))

    def state(self) -> str:
        """Returns the stack's state as it is stored, secrets encrypted."""
        return self._run("stack", "export")

    def _act(self, action: str, body: str | None, fails: bool, *options: str) -> str:
        if body is not None:
            self.program(body)
        return self._run(action, *options, fails=fails)

    def _run(self, *arguments: str, fails: bool = False) -> str:
        stack = [] if arguments[:2] == ("stack", "init") else ["--stack", "test"]
        ended = subprocess.run(
            [str(find()), *arguments, *stack, "--non-interactive"],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
        )
        printed = ended.stdout + (ended.stderr if ended.returncode or fails else "")
        assert (ended.returncode != 0) == fails, printed + ended.stderr
        return printed
