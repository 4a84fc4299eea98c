"""Executes Cloud Run jobs whose container is Google's CLI."""

from pathlib import Path

from components.clouds.local.provider.values import Properties, Value
from tools.simulation.behaviour import Call, text, texts
from tools.simulation.runs import scripts

_IMAGE = "google-cloud-cli"
_TOKENS = ("runExecutionToken", "startExecutionToken")


def execute(folder: Path, call: Call) -> None:
    """Runs a job where it has a token that it has not run for.

    Raises:
        CloudError: the job failed.
    """
    tokens = [text(call.inputs, name) for name in _TOKENS]
    before = [text(call.old.inputs, name) if call.old else "" for name in _TOKENS]
    if not any(tokens) or tokens == before:
        return
    container = _container(call.inputs)
    if _IMAGE not in text(container, "image"):
        return
    listed: Value = container.get("envs")
    variables = {
        text(one, "name"): text(one, "value")
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
    }
    command = [*texts(container, "commands"), *texts(container, "args")]
    scripts.run(folder, command, variables, f"the job {text(call.inputs, 'name')}")


def _container(inputs: Properties) -> Properties:
    value: Value = inputs
    for key in ("template", "template", "containers"):
        value = value.get(key) if isinstance(value, dict) else None
    first = value[0] if isinstance(value, list) and value else None
    return first if isinstance(first, dict) else {}
