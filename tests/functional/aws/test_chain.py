"""The AWS chain: every way in which a user's machine may hold credentials leads to the list of computes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec

import botocore.exceptions as boto
import pytest

from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.aws.sts import get_identity
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import ConfigurationError
from jupyter_emr_connect.services.compute.catalogue import LiveCatalogue, Query

ACCESS_ROLE = "arn:aws:iam::210987654321:role/EMRAccess"
START = "https://example.awsapps.com/start"


# In a process of its own, since botocore finds the home folder when it is imported.
LOGIN = f"""
import hashlib, json, pathlib
from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.aws.sts import get_identity
from jupyter_emr_connect.errors import CredentialsExpired
try:
    get_identity(open_session("by-sso"))
except CredentialsExpired as error:
    print(error.fix)
# What `aws sso login` leaves behind.
cache = pathlib.Path.home() / ".aws" / "sso" / "cache"
cache.mkdir(parents=True)
token = {{"startUrl": "{START}", "region": "us-east-1", "accessToken": "t", "expiresAt": "2999-01-01T00:00:00Z"}}
(cache / f"{{hashlib.sha1(token['startUrl'].encode()).hexdigest()}}.json").write_text(json.dumps(token))
print(get_identity(open_session("by-sso")).arn)
"""


class Says(BaseHTTPRequestHandler):
    """Answers every GET with the server's ``body``."""

    def do_GET(self):
        body = json.dumps(self.server.body).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.fixture
def says() -> Iterator[HTTPServer]:
    """A server that answers everything with its ``body``, as a container's or SSO's credentials service would."""
    server = HTTPServer(("127.0.0.1", 0), Says)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def profile(cloud, name: str, **settings: str) -> None:
    """Add a profile to the configuration file."""
    lines = "".join(f"{key} = {value}\n" for key, value in settings.items())
    with (cloud.folder / "config").open("a") as file:
        file.write(f"[profile {name}]\nregion = us-east-1\n{lines}")


def names(**config: object) -> set[str]:
    """Return the names of the computes that the list finds with these settings."""
    catalogue = LiveCatalogue(EMRConnect(**config))
    try:
        view = catalogue.view(Query(kinds=("ec2",)))
        while not view.complete:
            view = catalogue.view(Query(kinds=("ec2",)))
        assert view.problems == ()
        return {one.name for one in view.items}
    finally:
        catalogue.close(5)


def test_keys_from_a_process(cloud):
    key = cloud.keys["developer"]
    told = {"Version": 1, "AccessKeyId": key.access_key, "SecretAccessKey": key.secret}
    script = cloud.folder / "process.py"
    script.write_text(f"print({json.dumps(json.dumps(told))})")
    profile(cloud, "by-process", credential_process=f"{sys.executable} {script}")
    assert get_identity(open_session("by-process")).arn.endswith("user/developer")
    assert "analytics" in names(profile="by-process")


def test_a_profile_that_assumes_a_role(cloud):
    profile(cloud, "partner", role_arn=ACCESS_ROLE, source_profile="developer")
    identity = get_identity(open_session("partner"))
    assert identity.account == "210987654321"
    assert identity.expires_at is not None
    assert names(profile="partner") == {"shared"}


@pytest.mark.skipif(find_spec("awscrt") is not None, reason="awscrt is installed")
@pytest.mark.skipif(not hasattr(boto, "LoginRefreshRequired"), reason="this botocore knows no `aws login`")
def test_a_login_that_lacks_a_package_names_it(cloud):
    profile(cloud, "by-login", login_session="arn:aws:iam::123456789012:user/ann")
    with pytest.raises(ConfigurationError, match=r"by-login.*awscrt") as caught:
        open_session("by-login")
    assert "pip install 'botocore[crt]'" in caught.value.fix


def test_a_containers_role(cloud, says, monkeypatch):
    key = cloud.keys["developer"]
    later = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    says.body = {"AccessKeyId": key.access_key, "SecretAccessKey": key.secret, "Expiration": later, "Token": ""}
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{says.server_port}/credentials")
    assert "analytics" in names()


@pytest.mark.slow
def test_a_login_by_sso_that_is_over_says_how_to_log_in_and_counts_as_soon_as_it_is_new(cloud, says, monkeypatch):
    key = cloud.keys["developer"]
    monkeypatch.setenv("HOME", str(cloud.folder))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", f"http://127.0.0.1:{says.server_port}")
    says.body = {
        "roleCredentials": {
            "accessKeyId": key.access_key,
            "secretAccessKey": key.secret,
            "sessionToken": "",
            "expiration": int((datetime.now(timezone.utc) + timedelta(hours=1)).timestamp() * 1000),
        }
    }
    account = {"sso_account_id": "123456789012", "sso_role_name": "Developer", "sso_region": "us-east-1"}
    profile(cloud, "by-sso", sso_start_url=START, **account)
    done = subprocess.run([sys.executable, "-c", LOGIN], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.splitlines()
    assert "aws sso login --profile by-sso" in before
    assert after.endswith("user/developer")
