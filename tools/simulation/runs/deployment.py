"""Runs Azure's deployment scripts."""

import json
import tempfile
from pathlib import Path

from components.clouds.local.provider.values import Value
from tools.simulation.behaviour import Call, text
from tools.simulation.runs import scripts


def execute(folder: Path, call: Call) -> Value:
    """Runs a script, as Azure does whenever one is made or changed; returns its outputs.

    Raises:
        CloudError: the script failed.
    """
    listed: Value = call.inputs.get("environmentVariables")
    variables = {
        text(one, "name"): text(one, "value") or text(one, "secureValue")
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
    }
    content = text(call.inputs, "scriptContent")
    with tempfile.NamedTemporaryFile("r+") as printed:
        variables["AZ_SCRIPTS_OUTPUT_PATH"] = printed.name
        scripts.run(folder, ["bash", "-c", content], variables, f"the script {call.name}")
        return json.loads(printed.read() or "{}")
