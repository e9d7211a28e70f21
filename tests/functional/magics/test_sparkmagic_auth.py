"""The authenticator for sparkmagic, as `requests` calls it, on a Livy of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from aiohttp import web

from jupyter_emr_connect.errors import NotAttached
from jupyter_emr_connect.http.auth import BasicAuth, HTTPRequest
from jupyter_emr_connect.livy.client import LivyClient
from jupyter_emr_connect.magics.sparkmagic_auth import EMRAuthenticator
from tests.functional.livy.fake_livy import FakeLivy, served

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"


class Renewing(BasicAuth):
    """A pair whose first password is refused."""

    renewed = 0

    async def renew(self, refused: HTTPRequest) -> None:
        object.__setattr__(self, "password", "second")
        object.__setattr__(self, "renewed", self.renewed + 1)


@dataclass
class Asked:
    """A fake Livy that takes one pair alone, and the headers that it was asked with."""

    livy: FakeLivy
    wanted: str
    seen: list[str]

    def refuse(self, request: web.Request) -> web.Response | None:
        self.seen.append(request.headers.get("Authorization", ""))
        return None if self.seen[-1] == self.wanted else web.json_response({}, status=401)


async def basic(password: str) -> str:
    return (await BasicAuth("me", password).prepare(HTTPRequest("GET", ""))).headers["Authorization"]


def connection(client: LivyClient, auth: BasicAuth, kind: str) -> Callable[[], Any]:
    made = SimpleNamespace(
        target=replace(client.target, auth=auth), compute=SimpleNamespace(kind=kind), role=ROLE, transport="livy"
    )
    return lambda: made


@pytest.mark.parametrize(("kind", "conf"), [("ec2", None), ("serverless", ROLE)])
async def test_requests_have_the_pair_and_a_session_the_role_where_it_is_named(kind: str, conf: str | None) -> None:
    livy = FakeLivy()
    asked = Asked(livy, await basic("second"), [])
    livy.refuse = asked.refuse
    async with served(livy) as client:
        auth = Renewing("me", "first")
        authenticator = EMRAuthenticator(SimpleNamespace(url=client.target.url), connection(client, auth, kind))
        body = json.dumps({"kind": "pyspark", "conf": {"emr-serverless.session.executionRoleArn": "mine"}})

        def post() -> requests.Response:
            url = f"{client.target.url}/sessions"
            return requests.post(
                url, data=body, auth=authenticator, headers={"Content-Type": "application/json"}, timeout=20
            )

        answer = await asyncio.to_thread(post)
        assert answer.status_code == 200
        assert asked.seen == [await basic("first"), await basic("second")]
        assert auth.renewed == 1
        expected = conf or "mine"
        assert livy.sessions[0]["conf"]["emr-serverless.session.executionRoleArn"] == expected
        assert (await asyncio.to_thread(post)).status_code == 200
        assert auth.renewed == 1


async def test_no_other_server_is_sent_credentials() -> None:
    livy = FakeLivy()
    async with served(livy) as client, served(FakeLivy()) as other:
        authenticator = EMRAuthenticator(None, connection(client, BasicAuth("me", "secret"), "ec2"))
        authenticator.update_with_widget_values()
        assert authenticator.url == client.target.url
        with pytest.raises(NotAttached, match="is not the Livy of"):
            await asyncio.to_thread(requests.get, f"{other.target.url}/sessions", auth=authenticator, timeout=20)
