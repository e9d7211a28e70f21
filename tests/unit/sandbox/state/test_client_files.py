"""What `jupyter emr sandbox env` exports, from the files of a sandbox."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from jupyter_emr_connect.sandbox.aws.seed import Profile
from jupyter_emr_connect.sandbox.state.client_files import ClientFiles, in_front_of_mine, keys_of
from jupyter_emr_connect.sandbox.state.folder import StateFolder


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    files = ClientFiles(StateFolder.of("env"), "http://127.0.10.1:4566", "us-east-1")
    profiles = {
        name: Profile(name, f"arn:aws:iam::123456789012:user/{name}", f"AKIA{name.upper()}", f"secret%of={name}")
        for name in ("developer", "analyst")
    }
    files.write_profiles(profiles)
    return files.environment()


def test_keys_are_in_the_profile_file_and_not_in_the_environment(environment: dict[str, str]) -> None:
    file = Path(environment["AWS_SHARED_CREDENTIALS_FILE"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "secret%of=developer" in file.read_text()
    assert not [value for value in environment.values() if "secret" in value]


def test_asked_for_the_keys_are_those_of_the_default_profile(environment: dict[str, str]) -> None:
    wanted = {"AWS_ACCESS_KEY_ID": "AKIADEVELOPER", "AWS_SECRET_ACCESS_KEY": "secret%of=developer"}
    assert keys_of(environment) == wanted


def test_my_own_jupyter_configuration_stays_behind_the_sandboxes(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", f"/mine:{environment['JUPYTER_CONFIG_PATH']}")
    merged = in_front_of_mine(environment)["JUPYTER_CONFIG_PATH"]
    assert merged == f"{environment['JUPYTER_CONFIG_PATH']}:/mine"
