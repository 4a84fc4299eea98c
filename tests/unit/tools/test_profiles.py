"""Which AWS credentials are used for an environment, by what a machine has."""

from pathlib import Path

import pytest

from tools.profiles import surroundings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / ".aws").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "section"),
    [("credentials", "[ai-platform-dev]"), ("config", "[profile ai-platform-dev]")],
)
def test_the_environments_own_profile_is_used(home: Path, file: str, section: str) -> None:
    assert surroundings("dev") == {}
    (home / ".aws" / file).write_text(f"[default]\n{section}\nregion = us-east-1\n")
    assert surroundings("dev") == {"AWS_PROFILE": "ai-platform-dev"}
    assert surroundings("production") == {}


def test_what_is_said_otherwise_is_not_overruled(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".aws" / "config").write_text("[profile ai-platform-dev]\n")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert surroundings("dev") == {}
