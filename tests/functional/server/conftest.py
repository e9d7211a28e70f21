"""A Jupyter server with the extension, before the emulated AWS; every answer is held against ``openapi.yaml``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from tornado.httpclient import HTTPResponse

from jupyter_emr_connect.server.routes.base import SETTING
from tests.functional.server.recorded import kernel, local, path, quick, recorder, small  # noqa: F401 - fixtures
from tests.functional.server.specification import check_answer

PREFIX = "jupyter-emr-connect"


@pytest.fixture
def jp_nbconvert_templates():
    """No copy of nbconvert's templates for each test: none here converts."""


@pytest.fixture
def jp_server_config(tmp_path, gateway):
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_emr_connect": True}},
        "EMRConnect": {
            "gateway_port": gateway.port,
            "offer_sandbox": False,  # whoever tries all verbs shall start none
            "allow_plain_http": ["analytics"],  # AWS says that it has TLS, which these gateways have not
            "state_file": str(tmp_path / "state" / "state.sqlite"),
            "connect_timeout": 2.0,
            "credentials_timeout": 2.0,
        },
    }


@dataclass
class Answer:
    """What the server said."""

    status: int
    text: str
    headers: Any

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


Ask = Callable[..., Awaitable[Answer]]


@pytest.fixture
def rest(cloud, jp_serverapp, http_server_client, jp_auth_header, jp_base_url) -> Iterator[Ask]:
    """Ask a route: ``await rest("POST", "attachments", {…})``; ``raw`` and ``query`` are sent as they are."""

    async def ask(verb: str, route: str, body: Any = None, *, raw=None, params=None, query="", headers=None, **options):
        sent = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        asked = query or urlencode(params or {})
        options.setdefault("request_timeout", 120)  # tornado's own 20 s are over on a busy machine
        response: HTTPResponse = await http_server_client.fetch(
            f"{jp_base_url}{PREFIX}/{route}?{asked}",
            method=verb,
            body=sent,
            headers={**jp_auth_header, **(headers or {})},
            allow_nonstandard_methods=True,
            raise_error=False,
            **options,
        )
        answer = Answer(response.code, (response.body or b"").decode(), response.headers)
        for key in cloud.keys.values():
            assert key.secret not in answer.text
        check_answer(verb, f"/{route}", answer.status, answer.headers, answer.text)
        return answer

    yield ask
    jp_serverapp.web_app.settings[SETTING].catalogues.close(5.0)  # AWS goes before the server does


@pytest.fixture
def notebook(jp_root_dir):
    """``work/report.ipynb`` in the server's folder."""
    file = jp_root_dir / "work" / "report.ipynb"
    file.parent.mkdir()
    file.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return file
