"""Clients that go straight at a compute's ports, past our own connector, as an attacker would."""

from __future__ import annotations

import asyncio
import base64
import configparser
import json
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
from aiohttp import ClientSession, ClientTimeout, ClientWebSocketResponse, TCPConnector, WSMsgType, encode_basic_auth
from yarl import URL

from tests.conftest import Sandbox

ROLE = "arn:aws:iam::123456789012:role/{}"
V1 = "v1.kernel.websocket.jupyter.org"


@dataclass
class Answer:
    """What came back: status, headers, and the body as JSON where it is."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def aws(sandbox: Sandbox, service: str, profile: str = "developer") -> Any:
    """Return a client with a profile's keys."""
    keys = configparser.ConfigParser(interpolation=None)
    keys.read(sandbox.env["AWS_SHARED_CREDENTIALS_FILE"])
    own = keys[profile]
    # A session of its own: boto3's default one keeps the profiles of whoever asked first in this process.
    return boto3.Session().client(
        service,
        region_name=own["region"],
        endpoint_url=sandbox.env["AWS_ENDPOINT_URL"],
        aws_access_key_id=own["aws_access_key_id"],
        aws_secret_access_key=own["aws_secret_access_key"],
    )


def pair_of(sandbox: Sandbox, role: str, compute: str = "analytics") -> tuple[str, str]:
    """Fetch a Basic pair; the emulated propagation is waited out by the caller's probe."""
    cluster = sandbox.compute(compute)["id"]
    answer = aws(sandbox, "emr").get_cluster_session_credentials(ClusterId=cluster, ExecutionRoleArn=ROLE.format(role))
    found = answer["Credentials"]["UsernamePassword"]
    return found["Username"], found["Password"]


def token_of(sandbox: Sandbox, role: str) -> str:
    """Fetch a token for an execution role on the endpoint `notebooks`."""
    virtual_cluster, _, endpoint = sandbox.compute("notebooks")["id"].partition("/")
    answer = aws(sandbox, "emr-containers").get_managed_endpoint_session_credentials(
        virtualClusterIdentifier=virtual_cluster,
        endpointIdentifier=endpoint,
        executionRoleArn=ROLE.format(role),
        credentialType="TOKEN",
    )
    return str(answer["credentials"]["token"])


def endpoint_authority(sandbox: Sandbox) -> ssl.SSLContext:
    """Return a TLS context that trusts the CA which AWS names for the endpoint `notebooks`, and nothing else."""
    virtual_cluster, _, endpoint = sandbox.compute("notebooks")["id"].partition("/")
    answer = aws(sandbox, "emr-containers").describe_managed_endpoint(id=endpoint, virtualClusterId=virtual_cluster)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    data = base64.b64decode(answer["endpoint"]["certificateAuthority"]["certificateData"])
    context.load_verify_locations(cadata=data.decode())
    return context


def trusting(sandbox: Sandbox) -> ssl.SSLContext:
    """Return a TLS context that trusts what the sandbox's Jupyter configuration says, and nothing else."""
    folder = Path(sandbox.env["JUPYTER_CONFIG_PATH"].split(":")[0])
    settings = json.loads((folder / "jupyter_emr_connect_config.json").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in settings["EMRConnect"]["certificate_authorities"].values():
        context.load_verify_locations(path)
    return context


class Door:
    """One user's way to one compute's port, with a pair or with a token; None asks without credentials."""

    def __init__(self, session: ClientSession, base: str, secret: tuple[str, str] | str | None) -> None:
        self.session = session
        self.base = base
        self.headers = {"X-Requested-By": "test"}
        if secret:
            token = isinstance(secret, str)
            self.headers["Authorization"] = f"token {secret}" if token else encode_basic_auth(*secret)

    async def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **body: Any) -> Answer:
        """Send a request whose path is taken as it is, escapes and all."""
        url = URL(self.base + path, encoded=True)
        sent = {**self.headers, **(headers or {})}
        async with self.session.request(method, url, headers=sent, allow_redirects=False, **body) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.text())

    async def until(self, path: str, wanted: Any, *, seconds: float = 60) -> Answer:
        """Ask again and again until ``wanted(answer)`` is true."""
        deadline = time.monotonic() + seconds
        while True:
            answer = await self.ask("GET", path)
            if wanted(answer) or time.monotonic() > deadline:
                return answer
            await asyncio.sleep(0.1)

    async def start(self, name: str = "python3", **env: Any) -> str:
        """Start a kernel and return its id."""
        answer = await self.ask("POST", "/api/kernels", json={"name": name, "env": env})
        assert answer.status == 201, answer.text
        return str(answer.json["id"])

    @asynccontextmanager
    async def socket(self, kernel_id: str, *, v1: bool = False) -> AsyncIterator[ClientWebSocketResponse]:
        """Open a kernel's WebSocket."""
        url = f"{self.base.replace('http', 'ws', 1)}/api/kernels/{kernel_id}/channels?session_id={uuid.uuid4().hex}"
        offered = (V1,) if v1 else ()
        async with self.session.ws_connect(url, headers=self.headers, protocols=offered, max_msg_size=0) as socket:
            yield socket


@asynccontextmanager
async def doors(
    sandbox: Sandbox, *pairs: tuple[str, str] | None, compute: str = "analytics", port: int = 18888
) -> AsyncIterator[list[Door]]:
    """Yield one door per pair, all on one port, once the pairs are honoured."""
    row = sandbox.compute(compute)
    base = row["gateway_url"] if port == 18888 else row["livy_url"]
    connector = TCPConnector(ssl=trusting(sandbox), force_close=False)
    async with ClientSession(connector=connector, timeout=ClientTimeout(total=90)) as session:
        made = [Door(session, base, pair) for pair in pairs]
        for door, pair in zip(made, pairs, strict=True):
            if pair:
                await door.until(
                    "/api" if port == 18888 else "/version", lambda answer: answer.status == 200, seconds=60
                )
        yield made
    await asyncio.sleep(0.1)  # aiohttp's documentation: closing TLS connections takes a moment after the session's end


@asynccontextmanager
async def with_kernel(sandbox: Sandbox) -> AsyncIterator[tuple[Door, str]]:
    """Start a Python kernel on the cluster without runtime roles; afterwards delete it."""
    async with doors(sandbox, None, compute="open") as (door,):
        kernel_id = await door.start()
        try:
            yield door, kernel_id
        finally:
            await door.ask("DELETE", f"/api/kernels/{kernel_id}")


def lent_kernel(sandbox: Sandbox, pair: tuple[str, str] | None = None, compute: str = "analytics") -> Iterator[str]:
    """Let a module's fixture yield a Python kernel for all of its tests."""

    async def start() -> str:
        async with doors(sandbox, pair, compute=compute) as (door,):
            return await door.start()

    async def end(kernel_id: str) -> None:
        async with doors(sandbox, pair, compute=compute) as (door,):
            await door.ask("DELETE", f"/api/kernels/{kernel_id}")

    kernel_id = asyncio.run(start())
    yield kernel_id
    asyncio.run(end(kernel_id))


@asynccontextmanager
async def endpoint_doors(sandbox: Sandbox, *tokens: str | None) -> AsyncIterator[list[Door]]:
    """Yield one door per token on the endpoint `notebooks`."""
    connector = TCPConnector(ssl=endpoint_authority(sandbox))
    async with ClientSession(connector=connector, timeout=ClientTimeout(total=90)) as session:
        made = [Door(session, sandbox.compute("notebooks")["gateway_url"], token) for token in tokens]
        for door in made:
            await door.until("/api", lambda answer: answer.status != 503)  # it starts with the first good token
        yield made
    await asyncio.sleep(0.1)


T = TypeVar("T")


def entered(loop: asyncio.AbstractEventLoop, context: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Let a plain fixture yield what an asynchronous context gives (pytest-jupyter runs async tests, not fixtures)."""
    value = loop.run_until_complete(context.__aenter__())
    yield value
    loop.run_until_complete(context.__aexit__(None, None, None))


async def run(socket: ClientWebSocketResponse, code: str) -> list[dict[str, Any]]:
    """Run code over a legacy-framed socket; returns the messages that belong to it, up to idle."""
    request = execute_request(code)
    await socket.send_str(json.dumps(request))
    found: list[dict[str, Any]] = []
    while True:
        frame = await socket.receive(timeout=60)
        assert frame.type is WSMsgType.TEXT, frame
        message = json.loads(frame.data)
        if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
            continue
        found.append(message)
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return found


def execute_request(code: str) -> dict[str, Any]:
    """Return an execute_request in the legacy framing."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "session": "s", "username": "u"}
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    header |= {"date": "2026-01-01T00:00:00Z", "version": "5.3"}
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}


def printed(messages: list[dict[str, Any]]) -> str:
    """Return what code printed."""
    return "".join(one["content"]["text"] for one in messages if one["msg_type"] == "stream")
