"""What `jupyter emr sandbox env` exports, from the files of a sandbox."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import botocore.session
import pytest

from jupyter_emr_connect.sandbox.aws.seed import Profile
from jupyter_emr_connect.sandbox.state.client_files import (
    ClientFiles,
    in_front_of_mine,
    keys_of,
    missing_hosts,
    with_real_names,
)
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


def resolved(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Return the URL and the access key that botocore takes in this environment, for EMR."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = botocore.session.Session().create_client("emr")
    return client.meta.endpoint_url, client._request_signer._credentials.access_key


def test_an_ordinary_client_comes_to_the_endpoint(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolved(environment, monkeypatch) == ("http://127.0.10.1:4566", "AKIADEVELOPER")
    del environment["AWS_ENDPOINT_URL"]
    assert resolved(environment, monkeypatch)[0] == "http://127.0.10.1:4566"


def test_with_real_names_no_endpoint_is_left_anywhere(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = tmp_path / "ca.pem"
    authority.touch()
    real = with_real_names(environment, str(authority))
    assert real["AWS_CA_BUNDLE"] == str(authority)
    url, key = resolved(real, monkeypatch)
    assert url == "https://elasticmapreduce.us-east-1.amazonaws.com"
    assert key == "AKIADEVELOPER"
    assert "secret" not in Path(real["AWS_CONFIG_FILE"]).read_text()


def test_lines_that_the_hosts_file_lacks_are_found(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    lines = ["127.0.10.1 s3.amazonaws.com", "127.0.10.1 iam.amazonaws.com"]
    assert missing_hosts(lines, hosts) == lines
    hosts.write_text(
        "# 127.0.10.1 s3.amazonaws.com\n127.0.10.1 a b iam.amazonaws.com # mine\n127.0.11.1 s3.amazonaws.com\n"
    )
    assert missing_hosts(lines, hosts) == lines[:1]
    hosts.write_text("\n".join(lines))
    assert missing_hosts(lines, hosts) == []
