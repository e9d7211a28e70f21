"""A kernel that starts: how far it is, and its cancel, also before it has a row in the ledger."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

KERNELS = Path(__file__).parents[3] / "kernels"
SESSION = {"path": "work/report.ipynb", "name": "report.ipynb", "type": "notebook", "kernel": {"name": "emr-python"}}


@pytest.fixture
def jp_server_config(jp_server_config: Any) -> Any:
    """A server that is patient with its gateway."""
    jp_server_config["EMRConnect"]["connect_timeout"] = 120.0
    return jp_server_config


@pytest.fixture
def start(rest: Any, notebook: Path, gateway: Any, jp_fetch: Any, jp_data_dir: Path) -> Iterator[Any]:
    """Attach the notebook, start its kernel and return that request, which waits for the gateway."""
    shutil.copytree(KERNELS / "emr-python", jp_data_dir / "kernels" / "emr-python")

    async def request(before: Callable[[], object] = lambda: None) -> asyncio.Future[Any]:
        made = await rest("POST", "attachments", {"compute": "open", "path": "work/report.ipynb"})
        assert made.status == 201, made.text
        gateway.hold.clear()
        before()
        return asyncio.ensure_future(jp_fetch("api", "sessions", method="POST", body=json.dumps(SESSION)))

    yield request
    gateway.hold.set()


async def stage_of_start(rest: Any, starting: asyncio.Future[Any], stage: str) -> dict[str, Any]:
    """Wait until the one start has reached a stage."""
    while not starting.done():
        answer = (await rest("GET", "kernels", params={"check": "false", "notebooks": "true"})).json
        for start in answer["starts"]:
            if start["stage"] == stage:
                assert answer["items"] == []  # nothing was requested yet
                found: dict[str, Any] = start
                return found
        await asyncio.sleep(0.05)
    raise AssertionError(starting.exception())


async def test_a_start_says_its_stage_and_is_cancelled(rest: Any, start: Any, jp_serverapp: Any) -> None:
    starting = await start()
    found = await stage_of_start(rest, starting, "gateway")
    assert (found["step"], found["steps"], found["notebook"]) == (2, 4, "work/report.ipynb")
    assert found["can_cancel"]
    assert found["began_at"] <= found["since"]

    assert (await rest("DELETE", f"kernels/{found['local_id']}")).status == 204
    with pytest.raises(HTTPClientError) as caught:
        await starting
    assert caught.value.response is not None
    said = json.loads(caught.value.response.body)
    assert (caught.value.code, said["code"]) == (409, "kernel-start-cancelled")
    assert (await rest("GET", "kernels")).json["starts"] == []
    assert list(jp_serverapp.kernel_manager.list_kernel_ids()) == []
    assert (await rest("DELETE", f"kernels/{found['local_id']}")).status == 404


async def test_a_start_that_is_given_up_while_aws_hangs_leaves_nothing(
    cloud: Any, rest: Any, start: Any, gateway: Any, jp_serverapp: Any
) -> None:
    starting = await start(before=lambda: cloud.world.faults.set("slow:60000"))
    found = await stage_of_start(rest, starting, "credentials")
    assert (await rest("DELETE", f"kernels/{found['local_id']}")).status == 204
    with pytest.raises(HTTPClientError):
        await starting
    gateway.hold.set()
    cloud.world.faults.clear()  # the call is answered now, and nobody goes on with its answer
    await asyncio.sleep(0.5)
    answer = (await rest("GET", "kernels")).json
    assert (answer["items"], answer["starts"], list(jp_serverapp.kernel_manager.list_kernel_ids())) == ([], [], [])
