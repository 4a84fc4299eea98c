"""A Pulumi language host for Python, used only where the official release cannot be had.

The Pulumi CLI that ``tools/pulumi_cli.py`` builds from the Go module proxy comes without one: the
official host is a nested Go module that the proxy does not serve. This is the part of its contract
(``pulumirpc.LanguageRuntime``) that running programs, source-based plugins and policy packs needs;
generating SDKs and templates is left to the official release.

The engine starts the host with ``[flags] <engine address>`` and reads its port from the first line
it prints.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import IO

import grpc
from google.protobuf import empty_pb2

from components.clouds.local.provider.lean import without_sdk

without_sdk()

from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2  # noqa: E402

USER_ERROR_SHOWN = 32
"""Exit status of pulumi-language-python-exec once it has shown an error meant for the user."""

_END = language_pb2.RunPluginResponse()
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def _program(info: language_pb2.ProgramInfo) -> Path:
    return Path(info.program_directory, info.entry_point)


def _python(info: language_pb2.ProgramInfo) -> str:
    """Returns the interpreter of the virtual environment that a program's options name.

    It is named from the folder of the file that names it; without one, it is this host's own.
    """
    virtualenv = dict(info.options).get("virtualenv")
    if not isinstance(virtualenv, str):
        return sys.executable
    return str(Path(info.root_directory, virtualenv, "bin", "python"))


_children: set[subprocess.Popen[bytes]] = set()


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs Python programs and plugins, each in the virtual environment that it names."""

    def __init__(self, executor: Path) -> None:
        """Sets the path of ``pulumi-language-python-exec``."""
        self._executor = executor
        self._engine_address = ""

    def Handshake(  # noqa: N802
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        """Learns where the engine listens."""
        del context
        self._engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Returns the version of the Python SDK."""
        del request, context
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPackages(  # noqa: N802
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """Names no plugin: the engine resolves each one when a resource first needs it."""
        del request, context
        return language_pb2.GetRequiredPackagesResponse()

    def GetProgramDependencies(  # noqa: N802
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """Lists the installed distributions."""
        del request, context
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=found.metadata["Name"], version=found.version)
                for found in metadata.distributions()
            ]
        )

    def About(  # noqa: N802
        self, request: language_pb2.AboutRequest, context: grpc.ServicerContext
    ) -> language_pb2.AboutResponse:
        """Names the interpreter."""
        del request, context
        return language_pb2.AboutResponse(
            executable=sys.executable, version=sys.version.split(maxsplit=1)[0]
        )

    def InstallDependencies(  # noqa: N802
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Does nothing: ``make setup`` has made the environment this host runs in."""
        del request, context
        yield from ()

    def Run(  # noqa: N802
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        """Runs a Pulumi program to its end; its output goes to the engine as this process's."""
        del context
        options = {
            "project": request.project,
            "stack": request.stack,
            "parallel": str(request.parallel) if request.parallel else "",
            "dry_run": "true" if request.dryRun else "",
            "pwd": request.pwd,
            "monitor": request.monitor_address,
            "engine": self._engine_address,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
        }
        flags = [part for name, value in options.items() if value for part in (f"--{name}", value)]
        environment = os.environ | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        command = [
            _python(request.info),
            "-u",
            str(self._executor),
            *flags,
            str(_program(request.info)),
        ]
        # An interrupt reaches the whole process group. The program must not answer it with a
        # traceback of its own: the engine has said already what went wrong, and ends it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        child = subprocess.Popen([*command, *request.args], cwd=request.pwd, env=environment)
        _children.add(child)
        status = child.wait()
        _children.discard(child)
        if status == USER_ERROR_SHOWN:
            return language_pb2.RunResponse(bail=True)
        if status != 0:
            return language_pb2.RunResponse(error=f"the program exited with status {status}")
        return language_pb2.RunResponse()

    def RunPlugin(  # noqa: N802
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Runs a plugin's folder as a program and streams what it prints, then its exit status."""
        folder = _program(request.info)
        command = [_python(request.info), "-u", str(folder), *request.args]
        working_directory = request.pwd
        if request.kind == "analyzer":
            command = [
                _python(request.info),
                "-u",
                "-m",
                "pulumi.policy",
                *request.args,
                str(folder),
            ]
            working_directory = str(folder)
        child = subprocess.Popen(
            command,
            cwd=working_directory,
            env=os.environ | dict(pair.split("=", 1) for pair in request.env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        _children.add(child)
        context.add_callback(child.terminate)
        output: queue.SimpleQueue[language_pb2.RunPluginResponse] = queue.SimpleQueue()

        def forward(pipe: IO[bytes], field: str) -> None:
            while chunk := os.read(pipe.fileno(), 65536):
                output.put(
                    language_pb2.RunPluginResponse(stdout=chunk)
                    if field == "stdout"
                    else language_pb2.RunPluginResponse(stderr=chunk)
                )
            output.put(_END)

        pipes = ((child.stdout, "stdout"), (child.stderr, "stderr"))
        for pipe, field in pipes:
            threading.Thread(target=forward, args=(pipe, field), daemon=True).start()
        for _ in pipes:
            yield from iter(output.get, _END)
        status = child.wait()
        _children.discard(child)
        yield language_pb2.RunPluginResponse(exitcode=status)

    def Cancel(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Passes an interruption on to what is running."""
        del request, context
        for child in list(_children):
            child.terminate()
        return empty_pb2.Empty()


def _end_quietly(number: int, frame: FrameType | None) -> None:
    del number, frame
    for child in list(_children):
        child.terminate()
    os._exit(0)


def main() -> None:
    """Serves until the engine ends the process."""
    executor = Path(os.environ["AI_PLATFORM_LANGUAGE_EXEC"])
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=32), options=_UNLIMITED)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(executor), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # The engine ends its plugins with an interrupt; that is no error worth a traceback.
    signal.signal(signal.SIGINT, _end_quietly)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
