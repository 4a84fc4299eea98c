"""Where set-up finds the Pulumi CLI, and what it does with one that is too old."""

from pathlib import Path

import pytest

from tools import pulumi_cli


def put_pulumi(folder: Path, says: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "pulumi"
    command.write_text(f"#!/bin/sh\necho '{says}'\n")
    command.chmod(0o755)
    return command


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps set-up out of the real checkout and the real cache."""
    monkeypatch.setattr(pulumi_cli, "ROOT", tmp_path / "checkout")
    monkeypatch.setattr(pulumi_cli, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def used(tmp_path: Path) -> str:
    pulumi_cli.install()
    script = (tmp_path / "checkout" / ".platform" / "bin" / "pulumi").read_text()
    return script.splitlines()[-1].split('"')[1]


def test_the_one_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = put_pulumi(tmp_path / "theirs", "v3.301.2")
    monkeypatch.setenv("PATH", f"{tmp_path / 'theirs'}:/usr/bin:/bin")
    assert used(tmp_path) == str(command)


@pytest.mark.parametrize("says", ["v3.199.9", "v2.500.0", "", "dev"])
def test_one_that_is_too_old_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    put_pulumi(tmp_path / "theirs", says)
    cached = put_pulumi(tmp_path / "cache" / f"pulumi-{pulumi_cli.VERSION}-build", "v3.259.0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'theirs'}:/usr/bin:/bin")
    assert used(tmp_path) == str(cached)
    assert "is older than 3.200.0; not used" in capsys.readouterr().err


def test_the_checkouts_own_is_never_taken_for_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "checkout" / ".platform" / "bin"
    put_pulumi(own, "v3.301.2")
    cached = put_pulumi(tmp_path / "cache" / f"pulumi-{pulumi_cli.VERSION}-release", "v3.259.0")
    monkeypatch.setenv("PATH", f"{own}:/usr/bin:/bin")
    assert used(tmp_path) == str(cached)


def test_without_release_or_go_it_says_what_would_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = tmp_path / "empty"
    nothing.mkdir()
    monkeypatch.setenv("PATH", str(nothing))
    monkeypatch.setattr(pulumi_cli, "_RELEASE", "https://localhost:1/{version}{system}{machine}")
    with pytest.raises(pulumi_cli.PulumiUnavailableError, match="install Pulumi or Go"):
        pulumi_cli.install()
    assert not list((tmp_path / "cache").glob("*.partial"))
