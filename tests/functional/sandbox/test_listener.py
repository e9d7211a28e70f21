"""A front door's port, opened and closed by several at once."""

from __future__ import annotations

import asyncio

from aiohttp import web

from jupyter_emr_connect.sandbox.frontdoor.listener import Listener


async def test_a_port_that_two_open_at_once_can_be_closed_and_opened_again() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response()

    listener = Listener("127.0.0.1", 0, web.Server(answer))
    for _ in range(3):
        await asyncio.gather(*(listener.set("open", None) for _ in range(3)))
        await listener.set("closed", None)  # with one left listening, the port could not be had again
    await listener.set("open", None)
    await listener.set("closed", None)
    assert listener.mode == "closed"
