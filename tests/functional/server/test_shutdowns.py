"""A kernel is shut down while it restarts: what restarts is waited for, and Jupyter then ends the kernel."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tornado.web import RequestHandler


@pytest.mark.slow
async def test_a_local_kernel_that_restarts_is_shut_down(
    jp_serverapp: Any, jp_fetch: Any, cloud: Any, small: str
) -> None:
    kernels = jp_serverapp.kernel_manager
    kernel_id = await kernels.start_kernel(kernel_name=small)
    manager = kernels.get_kernel(kernel_id)
    restarting = asyncio.ensure_future(manager.restart_kernel(now=True))
    await asyncio.sleep(0)
    assert not manager.ready.done()
    assert (await jp_fetch("api", "kernels", kernel_id, method="DELETE")).code == 204
    assert kernel_id not in kernels
    await restarting
    assert not await manager.is_alive()


@pytest.mark.slow
async def test_a_stop_waits_for_a_restart(jp_serverapp: Any, cloud: Any, small: str) -> None:
    (extension,) = jp_serverapp.extension_manager.extension_apps["jupyter_emr_connect"]
    kernels = jp_serverapp.kernel_manager
    kernel_id = await kernels.start_kernel(kernel_name=small)
    manager = kernels.get_kernel(kernel_id)
    restarting = asyncio.ensure_future(manager.restart_kernel(now=True))
    await asyncio.sleep(0)
    assert not manager.ready.done()
    await extension.stop_extension()
    await restarting
    await kernels.shutdown_all()
    assert kernels.list_kernel_ids() == []


async def test_a_stop_waits_until_requests_are_answered(jp_serverapp: Any, jp_fetch: Any, cloud: Any) -> None:
    """A process does not end while AnyIO has a thread for a request that its loop has left unfinished."""
    stopping, answered = asyncio.Event(), asyncio.Event()

    class Broken(RequestHandler):
        """Takes a moment after what it waits for was broken off."""

        async def get(self) -> None:
            await stopping.wait()
            await asyncio.sleep(0.1)
            answered.set()

    jp_serverapp.web_app.add_handlers(".*$", [(f"{jp_serverapp.base_url}broken", Broken)])
    (extension,) = jp_serverapp.extension_manager.extension_apps["jupyter_emr_connect"]
    request = asyncio.ensure_future(jp_fetch("broken"))
    asyncio.get_running_loop().call_later(0.2, stopping.set)
    await asyncio.sleep(0.1)
    await extension.stop_extension()
    assert answered.is_set()
    assert (await request).code == 200
