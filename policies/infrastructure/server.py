"""The rules as Pulumi's engine asks for them (``pulumirpc.Analyzer``).

Pulumi's own package for policies decodes a resource anew for each of its policies, which at a
hundred rules and three thousand resources is minutes; here it is decoded once, and judged by the
rules for its type only.
"""

import json
import sys
import threading
from collections.abc import Mapping
from concurrent import futures
from pathlib import Path
from typing import Any, Final, cast

import grpc
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from components.clouds.local.provider.values import from_struct
from policies.infrastructure.catalogue import RULES, rules_for
from policies.infrastructure.rule import SIZES, Finding, Rule, Severity, judge
from stacks.cloud_environment import Size
from stacks.environment import CONFIG_KEY
from stacks.tenants import CELL_KEY

NAME: Final = "ai-platform"
_ROOT = Path(__file__).resolve().parents[2]
_SEVERITIES: Mapping[Severity, int] = {
    "low": analyzer_pb2.POLICY_SEVERITY_LOW,
    "medium": analyzer_pb2.POLICY_SEVERITY_MEDIUM,
    "high": analyzer_pb2.POLICY_SEVERITY_HIGH,
    "critical": analyzer_pb2.POLICY_SEVERITY_CRITICAL,
}
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_VERSION: Final = str(
    yaml.safe_load(Path(__file__).with_name("PulumiPolicy.yaml").read_text())["version"]
)


class InfrastructurePolicies(analyzer_pb2_grpc.AnalyzerServicer):
    """Judges resources: in small environments by way of advice, in others what fails is refused.

    Until the engine has told which stack it is, that is a large environment's.
    """

    def __init__(self) -> None:
        """Starts with the strictest rules."""
        self._size: Size = "large"
        self.cancelled = threading.Event()

    def Handshake(  # noqa: N802
        self, request: analyzer_pb2.AnalyzerHandshakeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerHandshakeResponse:
        """Greets the engine."""
        del request, context
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetPluginInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Returns the pack's version."""
        del request, context
        return plugin_pb2.PluginInfo(version=_VERSION)

    def GetAnalyzerInfo(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerInfo:
        """Returns every rule."""
        del request, context
        return analyzer_pb2.AnalyzerInfo(
            name=NAME,
            displayName="ai-platform",
            version=_VERSION,
            policies=[self._told(rule) for rule in RULES],
        )

    def ConfigureStack(  # noqa: N802
        self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerStackConfigureResponse:
        """Learns which environment the stack is of."""
        del context
        self._size = size_of(request.config)
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Configure(  # noqa: N802
        self, request: analyzer_pb2.ConfigureAnalyzerRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Refuses configuration: what a rule wants is in the repository, where it is reviewed."""
        if request.policyConfig:
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"{NAME} takes no configuration; change policies/infrastructure",
            )
        return empty_pb2.Empty()

    def Analyze(  # noqa: N802
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judges a resource that is about to be made or changed."""
        del context
        rules = rules_for(self._size).get(request.type)
        if rules is None:
            return analyzer_pb2.AnalyzeResponse()
        properties = from_struct(request.properties)
        judged = ((rule, list(judge(rule, properties))) for rule in rules)
        return analyzer_pb2.AnalyzeResponse(
            diagnostics=[
                self._diagnostic(rule, findings, request.urn)
                for rule, findings in judged
                if findings
            ]
        )

    def AnalyzeStack(  # noqa: N802
        self, request: analyzer_pb2.AnalyzeStackRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Has nothing to say of a stack as a whole."""
        del request, context
        return analyzer_pb2.AnalyzeResponse()

    def Remediate(  # noqa: N802
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.RemediateResponse:
        """Changes nothing: what is made is what the program says."""
        del request, context
        return analyzer_pb2.RemediateResponse()

    def Cancel(  # noqa: N802
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Ends the pack."""
        del request, context
        self.cancelled.set()
        return empty_pb2.Empty()

    @property
    def _level(self) -> int:
        if self._size == "small":
            return analyzer_pb2.ADVISORY
        return analyzer_pb2.MANDATORY

    def _told(self, rule: Rule) -> analyzer_pb2.PolicyInfo:
        return analyzer_pb2.PolicyInfo(
            name=rule.name,
            description=rule.about,
            enforcementLevel=cast("Any", self._level),
            policy_type=analyzer_pb2.POLICY_TYPE_RESOURCE,
            severity=cast("Any", _SEVERITIES[rule.severity]),
            framework=analyzer_pb2.PolicyComplianceFramework(
                name=rule.frameworks[0], reference=", ".join(rule.frameworks)
            ),
            remediation_steps=rule.remedy,
        )

    def _diagnostic(
        self, rule: Rule, findings: list[Finding], urn: str
    ) -> analyzer_pb2.AnalyzeDiagnostic:
        wrong = "; ".join(finding.said for finding in findings)
        return analyzer_pb2.AnalyzeDiagnostic(
            policyName=rule.name,
            policyPackName=NAME,
            policyPackVersion=_VERSION,
            description=rule.about,
            message=f"{wrong}: {rule.remedy}",
            enforcementLevel=cast("Any", self._level),
            severity=cast("Any", _SEVERITIES[rule.severity]),
            urn=urn,
        )


def size_of(config: Mapping[str, str]) -> Size:
    """Returns the size of the environment that a stack is of; the largest where in doubt.

    Args:
        config: the stack's configuration, values as JSON.
    """
    if CELL_KEY in config:
        name = str(_read(config[CELL_KEY]).get("environment"))
        file = _ROOT / "environments" / f"Pulumi.{name}.yaml"
        content: dict[str, Any] = yaml.safe_load(file.read_text()) if file.exists() else {}
        environment = (content.get("config") or {}).get(CONFIG_KEY) or {}
    else:
        environment = _read(config.get(CONFIG_KEY, "{}"))
    if environment.get("target") == "local":
        return "small"
    sizes: Mapping[str, Size] = {one: one for one in SIZES}
    return sizes.get(str(environment.get("size")), SIZES[-1])


def _read(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def serve() -> None:
    """Serves until the engine ends it; prints the port that the engine is to call."""
    servicer = InfrastructurePolicies()
    server = grpc.server(futures.ThreadPoolExecutor(4), options=_UNLIMITED)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    servicer.cancelled.wait()
    server.stop(None)
