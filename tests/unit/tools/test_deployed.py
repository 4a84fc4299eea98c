"""Without a way to look, the tools that look at what is deployed say so and are never green."""

from pathlib import Path

import pytest

from tools import credentials, drift
from tools.apply.__main__ import main as apply
from tools.drift import Difference, differences, table


@pytest.fixture(autouse=True)
def without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variables in credentials._VARIABLES.values():  # pyright: ignore[reportPrivateUsage]
        for name in variables:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(drift, "home", lambda: tmp_path)


@pytest.mark.parametrize("name", ["production", "production-cell-1"])
def test_missing_credentials_are_named_by_cloud_and_key(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drift.main(name) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.startswith(
        f"cannot look for drift in {name}: no credentials for aws (looked for AWS"
    )
    assert "no credentials for gcp" in line
    assert "ARM_CLIENT_ID" in line
    assert apply([name]) == 2


def test_an_environment_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert drift.main("nowhere") == 2
    assert "there is no such environment" in capsys.readouterr().err


def test_drift_is_read_without_values_and_sorted_by_region() -> None:
    urn = "urn:pulumi:test::ai-platform::a:Region$aws:sns/topic:Topic::"
    found = differences(
        [
            {"op": "refresh", "urn": f"{urn}aws-a-same"},
            {
                "op": "update",
                "urn": f"{urn}aws-b-topic",
                "detailedDiff": {"tags.b": {"kind": "update"}, "tags.a": {"kind": "add"}},
            },
            {"op": "delete", "urn": f"{urn}aws-a-topic", "detailedDiff": None},
            {"op": "update", "urn": f"{urn}other", "diffReasons": ["tags"], "detailedDiff": None},
        ],
        ["aws-a", "aws-b"],
    )
    kind = "aws:sns/topic:Topic"
    assert found == [
        Difference(kind=kind, name="other", place="", paths=("tags",)),
        Difference(kind=kind, name="aws-a-topic", place="aws-a", gone=True),
        Difference(kind=kind, name="aws-b-topic", place="aws-b", paths=("tags.a", "tags.b")),
    ]
    assert "| aws:sns/topic:Topic aws-a-topic | aws-a  | is gone" in table("test", found)
