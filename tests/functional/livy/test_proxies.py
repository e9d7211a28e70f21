"""A Livy and a gateway behind an HTTP proxy: reached through it, and said where the proxy does not lead there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from jupyter_emr_connect.errors import LivyUnreachable
from jupyter_emr_connect.gateway.rest import GatewayClient
from jupyter_emr_connect.gateway.target import GatewayTarget
from jupyter_emr_connect.http.tls import make_ssl_context
from jupyter_emr_connect.livy.client import LivyClient
from jupyter_emr_connect.livy.session import LivySession
from jupyter_emr_connect.livy.statement import run_statement
from jupyter_emr_connect.livy.target import LivyTarget
from tests.free_ports import free_port
from tests.functional.gateway.servers import HOST, make_certificate, serving, tcp_server
from tests.functional.livy.fake_livy import FakeLivy, served

NAME = "livy.example.invalid"  # known to the proxy alone


@asynccontextmanager
async def proxy_to(port: int, heads: list[bytes]) -> AsyncIterator[int]:
    """An HTTP proxy that leads whatever is asked to one port of this machine; ``heads`` gets what it was asked."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heads.append(head)
        there = await asyncio.open_connection(HOST, port)
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            there[1].write(head)
        await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))

    async with tcp_server(talk) as listening:
        yield listening


async def pipe(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        to.write(data)
        await to.drain()
    to.close()


async def test_livy_over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    livy, heads = FakeLivy(), list[bytes]()
    async with served(livy) as direct, proxy_to(int(direct.target.url.rpartition(":")[2]), heads) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://ann:s3cret@{HOST}:{port}")
        client = LivyClient(LivyTarget(f"http://{NAME}:8998", label="Livy"))
        session = LivySession(client, "emr-connect-1", "pyspark")
        await session.start(30)
        assert (await run_statement(session, "1")).data == {"text/plain": "done"}
        await client.close()
    assert heads[0].startswith(f"POST http://{NAME}:8998/sessions ".encode())
    assert b"Proxy-Authorization: Basic " in heads[0]


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_gateway_and_its_websocket(monkeypatch: pytest.MonkeyPatch, tmp_path, scheme: str) -> None:
    async def gateway(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/channels"):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str("hello")
            await socket.close()
            return socket
        return web.json_response({"id": "k"})

    certificate, heads = make_certificate(tmp_path), list[bytes]()
    async with (
        serving(gateway, certificate.server if scheme == "https" else None) as behind,
        proxy_to(behind, heads) as port,
    ):
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://{HOST}:{port}")
        trust = make_ssl_context(certificate.ca_file)
        trust.check_hostname = False
        client = GatewayClient(GatewayTarget(f"{scheme}://{NAME}:18888", trust, label="the gateway"))
        assert await client.kernel("k") == {"id": "k"}
        socket = await client.open_socket("k", "s", offer_v1=True)
        assert (await socket.receive()).data == "hello"
        await socket.close()
        await client.close()
    assert {head.split(b" ")[0] for head in heads} == ({b"CONNECT"} if scheme == "https" else {b"GET"})


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("http://{host}:{dead}", r"The proxy .* does not answer\.$"),
        ("http://ann:s3cret@{host}:{refusing}", r"The proxy .* does not lead to Livy .*: 407"),
        ("socks5://{host}:{dead}", "names a proxy of kind socks5, which is not heeded"),
    ],
)
async def test_a_proxy_that_does_not_lead_there_is_said(
    monkeypatch: pytest.MonkeyPatch, variable: str, words: str
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with tcp_server(refuse) as refusing:
        where = {"host": HOST, "dead": free_port(), "refusing": refusing}
        monkeypatch.setenv("HTTPS_PROXY", variable.format(**where))
        client = LivyClient(LivyTarget(f"https://{NAME}", label="Livy"), connect_timeout=5, request_timeout=20)
        with pytest.raises(LivyUnreachable) as raised:
            await client.first_page()
        await client.close()
    assert re.search(words, raised.value.message), raised.value.message
    assert "s3cret" not in str(raised.value)
