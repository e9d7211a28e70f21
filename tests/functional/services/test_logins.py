"""Logins to a Livy with users of its own: where they come from, and that no wrong password is sent twice."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import ConfigurationError, LoginRefused, LoginRequired
from jupyter_emr_connect.http.auth import HTTPRequest
from jupyter_emr_connect.http.tls import PlainHttpRule
from jupyter_emr_connect.livy.client import LivyClient
from jupyter_emr_connect.livy.discovery import probe_livy
from jupyter_emr_connect.livy.target import LivyTarget
from jupyter_emr_connect.models import Attachment, Compute, Login
from jupyter_emr_connect.sandbox.aws.secretsmanager import secrets_of
from jupyter_emr_connect.services.attachments.attach import attach
from jupyter_emr_connect.services.attachments.connect import LivyConnection, connect
from jupyter_emr_connect.services.attachments.handover import hand_over, take_over
from jupyter_emr_connect.services.credentials.logins import (
    SecretLoginAuth,
    TypedLoginAuth,
    forget_logins,
    login_auth_of,
    note_refused,
    remember_login,
)
from tests.functional.gateway.servers import HOST
from tests.functional.livy.fake_livy import FakeLivy, served

LDAP = Compute("j-LDAP", "ec2", "ldap", "", "us-east-1", "123456789012", "WAITING", auth="ldap")
SECRET = "emr-sandbox/ldap/ada"


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    forget_logins()
    yield
    forget_logins()


class LDAPLivy(FakeLivy):
    """A Livy that takes one user with his password, and counts the binds."""

    def __init__(self, login: Login) -> None:
        super().__init__()
        self.login = login
        self.binds: list[str] = []
        self.refuse = self.check

    def check(self, request: web.Request) -> web.Response | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return web.Response(status=401, text="<pre> Authentication required</pre>", content_type="text/html")
        username, _, password = base64.b64decode(value).decode().partition(":")
        self.binds.append(password)
        if (username, password) == (self.login.username, self.login.password):
            return None
        return web.Response(status=403, text="<pre>  Error validating LDAP user</pre>", content_type="text/html")


def put(cloud: Any, value: object) -> None:
    """Write the secret anew."""
    secret = secrets_of(cloud.world.account, cloud.world.region).secrets[SECRET]
    secret.versions[secret.default_version_id]["secret_string"] = value if isinstance(value, str) else json.dumps(value)


def test_nothing_typed_and_no_secret_says_what_to_do(cloud: Any) -> None:
    with pytest.raises(LoginRequired, match=r"Livy on 'ldap' .* asks for a user name and password") as raised:
        login_auth_of(EMRConnect(), LDAP)
    assert (raised.value.compute_id, raised.value.compute_name) == ("j-LDAP", "ldap")
    assert "EMRConnect.livy_secrets" in raised.value.fix


@pytest.mark.parametrize("key", ["j-LDAP", "ldap", "*"])
def test_a_secret_serves_by_id_name_and_for_all(cloud: Any, key: str) -> None:
    auth = login_auth_of(EMRConnect(livy_secrets={key: SECRET}), LDAP)
    assert isinstance(auth, SecretLoginAuth)
    assert auth.login == Login("ada", cloud.world.directory.password("ada"))
    assert auth.login.password not in repr((auth, auth.login, vars(auth)))


def test_what_was_typed_goes_before_the_secret(cloud: Any) -> None:
    remember_login("j-LDAP", Login("grace", "hopper"))
    auth = login_auth_of(EMRConnect(livy_secrets={"*": SECRET}), LDAP)
    assert isinstance(auth, TypedLoginAuth)
    assert auth.login == Login("grace", "hopper")
    assert "hopper" not in repr(auth)


@pytest.mark.parametrize("text", ["", "plain", "[]", '{"username": "ada"}', '{"user": "ada", "password": "p1"}'])
def test_a_secret_of_another_form_is_refused_without_its_text(cloud: Any, text: str) -> None:
    put(cloud, text)
    with pytest.raises(ConfigurationError, match="does not hold a user name and a password") as raised:
        login_auth_of(EMRConnect(livy_secrets={"*": SECRET}), LDAP)
    assert not text or text not in str(raised.value)
    assert raised.value.__cause__ is None


def test_a_secret_that_is_not_there_is_named(cloud: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"no secret .emr-sandbox/ldap/nobody. in us-east-1"):
        login_auth_of(EMRConnect(livy_secrets={"*": "emr-sandbox/ldap/nobody"}), LDAP)


async def probed(livy: FakeLivy, auth: TypedLoginAuth | SecretLoginAuth) -> LivyTarget:
    async with served(livy) as client:
        port = int(client.target.url.rpartition(":")[2])
        target = replace(client.target, url=f"https://{HOST}:{port}", username=auth.login.username)
        rule = PlainHttpRule(secrets=True)
        found, demands = await probe_livy(
            HOST, target, plain_http=rule, auth=auth, connect_timeout=5, credentials_timeout=30
        )
        assert demands
        return found


async def test_a_wrong_password_is_sent_once_though_new_pairs_are_tried_for_long() -> None:
    livy = LDAPLivy(Login("ada", "right"))
    with pytest.raises(LoginRefused):
        await probed(livy, TypedLoginAuth("ada", "wrong"))
    assert livy.binds == ["wrong"]


async def test_a_password_that_changed_in_mid_use_is_sent_once(caplog: pytest.LogCaptureFixture) -> None:
    livy = LDAPLivy(Login("ada", "right"))
    with caplog.at_level(logging.DEBUG):
        async with served(livy) as client:
            using = LivyClient(replace(client.target, auth=TypedLoginAuth("ada", "right"), username="ada"))
            await using.sessions()
            livy.login, livy.binds = Login("ada", "other"), []
            with pytest.raises(LoginRefused, match="user name 'ada' and password"):
                await using.sessions()
            await using.close()
    assert livy.binds == ["right"]
    assert "right" not in caplog.text


async def test_a_secret_that_rotates_in_mid_use_is_read_again(cloud: Any) -> None:
    old = Login("ada", cloud.world.directory.password("ada"))
    livy = LDAPLivy(old)
    auth = login_auth_of(EMRConnect(livy_secrets={"*": SECRET}), LDAP)
    async with served(livy) as client:
        using = LivyClient(replace(client.target, auth=auth, username="ada"))
        await using.sessions()
        livy.login, livy.binds = Login("ada", "rotated"), []
        with pytest.raises(LoginRefused, match="refused the login of"):
            await using.sessions()
        assert livy.binds == [old.password]
        put(cloud, {"username": "ada", "password": "rotated"})
        assert await using.sessions() == []
        await using.close()


def test_a_secret_that_was_refused_is_not_sent_again_until_it_changes(cloud: Any) -> None:
    config = EMRConnect(livy_secrets={"*": SECRET})
    note_refused(LDAP, login_auth_of(config, LDAP).login)
    with pytest.raises(LoginRefused, match="did not accept the user name and password of the secret"):
        login_auth_of(config, LDAP)
    put(cloud, {"username": "ada", "password": "mended"})
    assert login_auth_of(config, LDAP).login.password == "mended"


def kept_in(folder: Path) -> bytes:
    """Return what the state file and its log hold."""
    return b"".join(file.read_bytes() for file in folder.glob("state.sqlite*"))


async def test_a_configured_server_is_attached_to_without_an_aws_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")  # whoever asks AWS fails
    livy, path = LDAPLivy(Login("ada", "right")), str(tmp_path)
    async with served(livy) as client:
        endpoints = {"dev": {"url": client.target.url, "auth": "basic"}}
        config = EMRConnect(livy_endpoints=endpoints, state_file=str(tmp_path / "state.sqlite"))
        with pytest.raises(LoginRequired):
            await attach(config, Attachment("dev", path=path))
        with pytest.raises(LoginRefused) as refused:
            await attach(config, Attachment("dev", path=path), login=Login("ada", "wrong"))
        assert (refused.value.hop, refused.value.compute_id) == ("livy", "livy/dev")
        with pytest.raises(LoginRequired):  # what was refused is forgotten
            await attach(config, Attachment("dev", path=path))
        assert livy.binds == ["wrong"]
        made, _ = await attach(config, Attachment("dev", path=path), login=Login("ada", "right"))
        assert (made.compute, made.profile, made.runtime_role) == ("livy/dev", None, None)
        connection = await connect(config, made)
        assert isinstance(connection, LivyConnection)
        handed = hand_over(config, connection)
    _, taken = take_over(json.loads(json.dumps(handed)))
    request = await taken.target.auth.prepare(HTTPRequest("GET", taken.target.url))
    assert base64.b64decode(request.headers["Authorization"].split()[1]) == b"ada:right"
    assert b"right" not in kept_in(tmp_path)
