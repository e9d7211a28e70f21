"""Another user's process gets nothing from a sandbox's port, whatever it sends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from jupyter_emr_connect.executors import FILES, run_in
from jupyter_emr_connect.sandbox.frontdoor.listener import Listener
from jupyter_emr_connect.sandbox.frontdoor.peers import NOT_YOURS, Peers, find_user, tells_users
from tests.otheruser import IMPOSSIBLE, NOBODY, WHY, asked_by

HOST = "127.0.44.11"
pytestmark = pytest.mark.skipif(not tells_users(), reason="the system does not tell whose a connection is")


@asynccontextmanager
async def guarded(peers: Peers) -> AsyncIterator[tuple[str, list[str]]]:
    """A port as a front door's; yields its URL and what was answered to its owner."""
    served: list[str] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if (refusal := peers.refusal(request)) is not None:
            return refusal
        served.append(request.path)
        return web.Response()

    server = web.Server(answer)
    listener = Listener(HOST, 0, server)
    await listener.set("open", None)
    try:
        yield f"http://{HOST}:{listener.port}/api", served
    finally:
        await listener.set("closed", None)
        await server.shutdown(1)


@pytest.mark.parametrize("family", ["0.0.0.0", "::ffff:0.0.0.0"])
async def test_the_owners_process_is_served_over_ipv4_and_mapped_ipv6(family: str) -> None:
    mapped = family.startswith("::")
    async with guarded(Peers()) as (url, served), aiohttp.ClientSession() as http:
        to = url.replace(HOST, f"[::ffff:{HOST}]") if mapped else url
        for _ in range(2):
            async with http.get(to) as got:
                assert got.status == 200
    assert served == ["/api"] * 2


async def test_who_is_not_the_owner_is_refused() -> None:
    async with guarded(Peers(os.geteuid() + 1)) as (url, served), aiohttp.ClientSession() as http:
        for _ in range(2):
            async with http.post(url, data=b"x" * 1000) as got:
                assert (got.status, json.loads(await got.read())["message"]) == (403, NOT_YOURS)
    assert served == []


@pytest.mark.skipif(IMPOSSIBLE, reason=WHY)
async def test_another_users_process_is_refused() -> None:
    async with guarded(Peers()) as (url, served):
        assert await run_in(FILES, asked_by, os.geteuid(), url) == "200"
        assert (await run_in(FILES, asked_by, NOBODY, url)).startswith("403")
    assert served == ["/api"]


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0A0A007F:49C8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0
   1: 0100007F:A2B4 0A0A007F:49C8 01 00000000:00000000 00:00000000 00000000  1001        0 222 1 0
   2: 0A0A007F:49C8 0100007F:A2B4 01 00000000:00000000 00:00000000 00000000  1000        0 333 1 0
   3: 0100007F:A2B5 0A0A007F:49C8 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0
"""


@pytest.mark.skipif(sys.byteorder != "little", reason="the table is written in the machine's order of bytes")
def test_the_clients_end_is_looked_for_and_one_without_a_process_tells_nothing() -> None:
    here = ("127.0.10.10", 18888)
    assert find_user(TABLE.splitlines(), ("127.0.0.1", 0xA2B4), here) == 1001
    assert find_user(TABLE.splitlines(), ("127.0.0.1", 0xA2B5), here) is None  # closed at once: shown as root's
    assert find_user(TABLE.splitlines(), ("127.0.0.1", 0xA2B6), here) is None
