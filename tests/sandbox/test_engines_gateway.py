"""The real Jupyter Enterprise Gateway, both versions, as a cluster's front door uses it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession

from jupyter_emr_connect.sandbox.engines.gateway import start_gateway
from jupyter_emr_connect.sandbox.engines.install import ensure_installed
from jupyter_emr_connect.sandbox.engines.layout import GATEWAYS
from jupyter_emr_connect.sandbox.engines.process import Engine
from tests.conftest import ENGINES
from tests.sandbox.engine_talk import all_gone, kernel, listens_beyond_loopback, places_of, processes

pytestmark = pytest.mark.sandbox

ADDRESS = "127.0.40.3"
NO_LIVY = "http://127.0.40.3:1"


@asynccontextmanager
async def gateway(folder: Path, version: str = "3.3.0") -> AsyncIterator[tuple[Engine, str]]:
    installation = await asyncio.to_thread(ensure_installed, lambda *_: None, root=ENGINES, gateways=[version])
    token = secrets.token_urlsafe(24)
    engine = await start_gateway(
        installation,
        address=ADDRESS,
        workdir=folder,
        version=version,
        kernels_dir=folder / "kernels",
        token=token,
        livy_url=NO_LIVY,
    )
    try:
        yield engine, token
    finally:
        await engine.stop()


@pytest.mark.parametrize("version", GATEWAYS)
async def test_it_answers_as_emrs_does_but_lists_kernels(version: str, tmp_path: Path) -> None:
    async with gateway(tmp_path, version) as (engine, token), ClientSession() as session:
        async with session.get(f"{engine.url}/api/kernels") as answer:
            assert answer.status == 401
        session.headers["Authorization"] = f"token {token}"
        async with session.get(f"{engine.url}/api") as answer:
            assert (await answer.json())["gateway_version"] == version
        async with session.get(f"{engine.url}/api/kernelspecs") as answer:
            names = set((await answer.json())["kernelspecs"])
            assert names == {"python3", "pysparkkernel", "sparkkernel", "sparkrkernel"}
        async with kernel(engine, token, "python3") as running, session.get(f"{engine.url}/api/kernels") as answer:
            assert [row["id"] for row in await answer.json()] == [running.id]
        async with session.get(f"{engine.url}/api/kernels") as answer:
            assert await answer.json() == []


@pytest.mark.parametrize("version", GATEWAYS)
async def test_the_token_and_the_users_environment_are_nowhere_to_be_read(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "users-own-secret")
    async with gateway(tmp_path, version) as (engine, token), kernel(engine, token, "python3") as running:
        assert await running.run("6 * 7") == "42"
        assert places_of(token, engine, tmp_path) == []
        assert places_of("users-own-secret", engine, tmp_path) == []
        assert listens_beyond_loopback(engine) == []
        shown = await running.run("import os; print(os.environ['HOME'], os.getcwd(), os.environ.get('EG_AUTH_TOKEN'))")
        assert shown.split() == [str(tmp_path / "home"), str(tmp_path / "home"), "None"]


async def test_stop_ends_the_kernels_too(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (engine, token), ClientSession() as session:
        session.headers["Authorization"] = f"token {token}"
        for _ in range(2):
            async with session.post(f"{engine.url}/api/kernels", json={"name": "python3"}) as answer:
                assert answer.status == 201
        pids = [process.pid for process in processes(engine)]
        assert len(pids) == 4
        await engine.stop()
        assert await all_gone(pids)


async def test_interrupt_and_restart_reach_the_kernel(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (engine, token), kernel(engine, token, "python3") as running:
        code = {"code": "import time; time.sleep(60)", "silent": False, "store_history": True, "stop_on_error": True}
        msg_id = await running.ask("execute_request", {**code, "user_expressions": {}, "allow_stdin": False})
        await asyncio.sleep(1)
        assert await running.post("interrupt") == 204
        names = [message["content"].get("ename") for message in await running.answers(msg_id)]
        assert "KeyboardInterrupt" in names
        assert await running.run("x = 1; x") == "1"
        assert await running.restart() == 200
        assert "name 'x' is not defined" in await running.run("x")


async def test_a_sparkr_kernel_says_what_it_is(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (engine, token), kernel(engine, token, "sparkrkernel") as running:
        messages = await running.answers(await running.ask("kernel_info_request", {}))
        info = next(row["content"] for row in messages if row["msg_type"] == "kernel_info_reply")
        assert info["implementation"] == "SparkR"
        assert info["language_info"]["name"] == "sparkR"


async def test_a_kernel_without_its_livy_says_so_and_lives(tmp_path: Path) -> None:
    async with gateway(tmp_path) as (engine, token), kernel(engine, token, "pysparkkernel") as running:
        assert "Error sending http request" in await running.run("spark")
        assert await running.run("%%local\nprint(5)") == "5\n"
