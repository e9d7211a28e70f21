"""The probe finds how a gateway wants to be spoken to, and says plainly why it cannot be used."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from jupyter_emr_connect.errors import (
    EMRConnectError,
    GatewayCertificate,
    GatewayRefused,
    GatewayUnreachable,
    NotAGateway,
    PlainHttpRefused,
)
from jupyter_emr_connect.gateway.discovery import probe_gateway
from jupyter_emr_connect.gateway.target import GatewayTarget
from jupyter_emr_connect.http.auth import BasicAuth, NoAuth
from jupyter_emr_connect.http.tls import PlainHttpRule, make_ssl_context
from tests.free_ports import free_port

from .servers import API, HOST, Talk, make_certificate, serving, silent, tcp_server

SECRET = "s3cret-of-the-pair"
PAIR = BasicAuth("ann", SECRET)
HEADER = "Basic " + base64.b64encode(f"ann:{SECRET}".encode()).decode()


MAY_BE_PLAIN = PlainHttpRule()
TLS_ALONE = PlainHttpRule("a CA is named for it")


async def answer_api(request: web.Request) -> web.Response:
    return web.json_response(API)


async def demand_pair(request: web.Request) -> web.Response:
    return web.json_response(API) if request.headers.get("Authorization") == HEADER else web.Response(status=401)


async def probe(
    port: int,
    *,
    host: str = HOST,
    ca: str | None = None,
    auth: BasicAuth | None = None,
    plain_http: PlainHttpRule = MAY_BE_PLAIN,
    connect_timeout: float = 2.0,
    credentials_timeout: float = 3.0,
) -> GatewayTarget:
    return await probe_gateway(
        host,
        port,
        ssl_context=make_ssl_context(ca),
        plain_http=plain_http,
        auth=auth,
        label="the test",
        connect_timeout=connect_timeout,
        credentials_timeout=credentials_timeout,
    )


async def test_plain_http_without_credentials_is_found() -> None:
    async with serving(answer_api) as port:
        target = await probe(port, auth=PAIR)
    assert target.url == f"http://{HOST}:{port}"
    assert isinstance(target.auth, NoAuth)
    assert target.found
    assert (target.found.scheme, target.found.demands, target.found.gateway_version) == ("http", "nothing", "3.3.0")


async def test_tls_with_a_private_ca_and_a_pair_is_found(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with serving(demand_pair, certificate.server) as port:
        target = await probe(port, ca=certificate.ca_file, auth=PAIR)
    assert target.url == f"https://{HOST}:{port}"
    assert target.auth is PAIR
    assert target.found
    assert target.found.demands == "credentials"


@pytest.mark.slow
async def test_new_credentials_are_asked_again_until_they_are_honoured() -> None:
    begin = time.monotonic()

    async def spread_slowly(request: web.Request) -> web.Response:
        if time.monotonic() - begin < 1.5:
            return web.Response(status=403)
        return await demand_pair(request)

    async with serving(spread_slowly) as port:
        assert (await probe(port, auth=PAIR, credentials_timeout=10.0)).auth is PAIR


@pytest.mark.slow
async def test_credentials_never_honoured_are_refused_in_time_without_showing_them() -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=401)

    async with serving(refuse) as port:
        begin = time.monotonic()
        with pytest.raises(GatewayRefused) as caught:
            await probe(port, auth=PAIR)
    assert time.monotonic() - begin < 20
    assert_presentable(caught.value)


async def test_credentials_demanded_and_none_at_hand_says_to_choose_a_role() -> None:
    async with serving(demand_pair) as port:
        with pytest.raises(GatewayRefused, match="no runtime role was chosen"):
            await probe(port)


async def test_a_pair_never_crosses_the_network_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host name leads to a loopback address and to another one: not every way is on this machine."""
    seen: list[str] = []

    async def watch(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.Response(status=401)

    getaddrinfo = socket.getaddrinfo

    def also_elsewhere(host: object, port: int, *options: int, **more: int) -> list[object]:
        answers = getaddrinfo("127.0.44.9", port, *options, **more)
        return [*answers, (*answers[0][:4], ("192.0.2.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", also_elsewhere)
    async with serving(watch) as port:
        with pytest.raises(PlainHttpRefused) as caught:
            await probe(port, host="primary.test", auth=PAIR)
    assert set(seen) == {""}
    assert_presentable(caught.value)


async def test_a_pair_goes_in_the_clear_when_the_configuration_says_so() -> None:
    async with serving(demand_pair) as port:
        target = await probe(port, auth=PAIR, plain_http=PlainHttpRule(secrets=True))
    assert target.auth is PAIR


async def test_an_untrusted_certificate_is_refused_and_not_got_around(tmp_path: Path) -> None:
    async with serving(answer_api, make_certificate(tmp_path).server) as port:
        with pytest.raises(GatewayCertificate, match="not trusted") as caught:
            await probe(port)
    assert_presentable(caught.value)


async def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, host="127.0.44.10")
    async with serving(answer_api, certificate.server) as port:
        with pytest.raises(GatewayCertificate, match="another host"):
            await probe(port, ca=certificate.ca_file)


async def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, days=-1)
    async with serving(answer_api, certificate.server) as port:
        with pytest.raises(GatewayCertificate, match="out of date"):
            await probe(port, ca=certificate.ca_file)


async def test_a_closed_port_is_unreachable_at_once() -> None:
    begin = time.monotonic()
    with pytest.raises(GatewayUnreachable, match="refused"):
        await probe(free_port(), connect_timeout=60.0)
    assert time.monotonic() - begin < 20


@pytest.mark.slow
async def test_a_black_hole_is_unreachable_within_the_deadline() -> None:
    async with silent() as port:
        begin = time.monotonic()
        with pytest.raises(GatewayUnreachable, match="in time") as caught:
            await probe(port)
    assert time.monotonic() - begin < 20
    assert_presentable(caught.value)
    assert f"at {HOST}:{port} did" in str(caught.value)  # nobody knows which of the two it speaks


@asynccontextmanager
async def on_the_way(tls: Talk) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Do ``tls`` to whatever begins as TLS, and answer plain HTTP as a gateway; yields the port and what was heard."""
    heard: list[bytes] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(65536)
        heard.append(data[:3])
        if data[:1] == b"\x16":  # a TLS record of the handshake
            await tls(reader, writer)
        else:
            body = json.dumps(API).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    async with tcp_server(meet) as port:
        yield port, heard


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def keep_waiting(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()  # until the client gives up


async def hang_up(*_: object) -> None:
    """Leave the handshake unanswered."""


@pytest.mark.slow
@pytest.mark.parametrize("tls", [reset, keep_waiting, hang_up])
async def test_tls_that_somebody_keeps_from_coming_about_is_not_given_up(tls: Talk) -> None:
    async with on_the_way(tls) as (port, heard):
        with pytest.raises(GatewayUnreachable, match="Plain HTTP was not tried: a CA is named for it") as caught:
            await probe(port, auth=PAIR, plain_http=TLS_ALONE)
    assert_presentable(caught.value)
    assert f"https://{HOST}:{port}" in str(caught.value)
    assert {data[:1] for data in heard} == {b"\x16"}


async def test_a_gateway_without_tls_that_should_have_it_names_the_setting() -> None:
    asked: list[str] = []

    async def watch(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(API)

    async with serving(watch) as port:
        with pytest.raises(PlainHttpRefused, match="does not speak TLS") as caught:
            await probe(port, plain_http=TLS_ALONE)
    assert asked == []
    assert "EMRConnect.allow_plain_http" in caught.value.fix
    assert TLS_ALONE.refusal in caught.value.message


async def test_a_gateway_with_tls_is_found_where_plain_http_is_refused(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with serving(answer_api, certificate.server) as port:
        assert (await probe(port, ca=certificate.ca_file, plain_http=TLS_ALONE)).url.startswith("https:")


async def test_an_unknown_host_is_unreachable() -> None:
    with pytest.raises(GatewayUnreachable, match="not known"):
        await probe(18888, host="no-such-host.invalid")


@pytest.mark.parametrize("body", ["<html><body>Welcome to nginx</body></html>", "[]", '{"hello": 1}', "{", ""])
async def test_something_else_that_answers_is_not_a_gateway(body: str) -> None:
    async def other(request: web.Request) -> web.Response:
        return web.Response(text=body, content_type="text/html")

    async with serving(other) as port:
        with pytest.raises(NotAGateway) as caught:
            await probe(port)
    assert_presentable(caught.value)


async def test_what_does_not_speak_http_is_not_a_gateway() -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        await reader.read(1)
        writer.close()

    async with tcp_server(speak) as port:
        with pytest.raises((NotAGateway, GatewayUnreachable)) as caught:
            await probe(port)
    assert_presentable(caught.value)


@pytest.mark.slow
async def test_a_gateway_that_comes_up_meanwhile_is_waited_for() -> None:
    begin = time.monotonic()

    async def warming(request: web.Request) -> web.Response:
        return web.Response(status=503) if time.monotonic() - begin < 1 else web.json_response(API)

    async with serving(warming) as port:
        assert (await probe(port, credentials_timeout=10.0)).found


def assert_presentable(error: EMRConnectError) -> None:
    """One or two lines, a remedy, no secret, no trace."""
    text = str(error)
    assert error.fix
    assert text.count("\n") == 0
    assert SECRET not in text
    assert "Traceback" not in text
    assert len(text) < 400
