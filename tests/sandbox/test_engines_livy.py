"""The real Livy server with our interpreter driver, as a cluster's front door and the gateway's kernels use it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from jupyter_emr_connect.sandbox.engines.gateway import start_gateway
from jupyter_emr_connect.sandbox.engines.layout import Installation
from jupyter_emr_connect.sandbox.engines.livy import start_livy
from jupyter_emr_connect.sandbox.engines.process import Engine
from tests.sandbox.engine_talk import PassThrough, all_gone, kernel, listens_beyond_loopback, places_of, processes

pytestmark = pytest.mark.sandbox

ADDRESS = "127.0.40.4"
DRIVER_MB = 450


@asynccontextmanager
async def livy(installed: Installation, folder: Path) -> AsyncIterator[tuple[Engine, str]]:
    superuser = f"door-{secrets.token_hex(8)}"
    engine = await start_livy(installed, address=ADDRESS, workdir=folder, superuser=superuser)
    try:
        yield engine, superuser
    finally:
        await engine.stop()


class Caller:
    """One user's requests, as the front door passes them on."""

    def __init__(self, session: ClientSession, engine: Engine, superuser: str, user: str) -> None:
        self.session = session
        self.engine = engine
        self.claims = {"user.name": superuser, "doAs": user}

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"X-Requested-By": "test"}
        url = f"{self.engine.url}{path}"
        async with self.session.request(method, url, params=self.claims, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def wait(self, path: str, *states: str) -> Any:
        for _ in range(600):
            _, body = await self.call("GET", path)
            if body["state"] in states:
                return body
            await asyncio.sleep(0.1)
        pytest.fail(f"{path} stays {body}")


async def test_who_does_not_know_the_superuser_is_refused(installed: Installation, tmp_path: Path) -> None:
    async with livy(installed, tmp_path) as (engine, superuser), ClientSession() as session:
        for query in ("", "?doAs=emranalyst", "?user.name=emranalyst", "?user.name=someone&doAs=emranalyst"):
            async with session.get(f"{engine.url}/sessions{query}") as answer:
                assert answer.status in (401, 403), query
        async with session.get(f"{engine.url}/sessions?user.name={superuser}&doAs=emranalyst") as answer:
            assert (await answer.json())["total"] == 0
        assert places_of(superuser, engine, tmp_path) == []


async def test_a_session_is_its_users_alone_small_and_on_loopback(installed: Installation, tmp_path: Path) -> None:
    async with livy(installed, tmp_path) as (engine, superuser), ClientSession() as session:
        analyst = Caller(session, engine, superuser, "emranalyst")
        engineer = Caller(session, engine, superuser, "emrengineer")
        status, view = await analyst.call("POST", "/sessions", {"kind": "pyspark"})
        assert (status, view["proxyUser"]) == (201, "emranalyst")
        await analyst.wait("/sessions/0", "idle")
        code = "(spark.sparkContext.sparkUser(), spark.sparkContext.parallelize(range(5)).map(lambda x: x * 2).sum())"
        await analyst.call("POST", "/sessions/0/statements", {"code": code})
        output = (await analyst.wait("/sessions/0/statements/0", "available"))["output"]
        assert output["data"]["text/plain"] == "('emranalyst', 20)"
        assert (await engineer.call("GET", "/sessions/0/statements"))[0] == 403
        assert (await engineer.call("POST", "/sessions/0/statements", {"code": "1"}))[0] == 403
        assert (await engineer.call("DELETE", "/sessions/0"))[0] == 403

        assert places_of(superuser, engine, tmp_path) == []
        assert listens_beyond_loopback(engine) == []
        driver = next(process for process in processes(engine) if "RSCDriverBootstrapper" in str(process.cmdline()))
        assert driver.memory_info().rss / 1e6 <= DRIVER_MB
        assert list((tmp_path / "tmp").glob("livyConf*")), "session secrets belong into the sandbox's own folder"
        pids = [process.pid for process in processes(engine)]
        await engine.stop()
        assert await all_gone(pids)


async def test_a_sparkmagic_kernel_gets_sparks_answer(installed: Installation, tmp_path: Path) -> None:
    token = secrets.token_urlsafe(24)
    async with livy(installed, tmp_path / "livy") as (engine, superuser):
        door = PassThrough(engine, superuser, "emranalyst")
        async with door.serve(ADDRESS) as url:
            gateway = await start_gateway(
                installed,
                address=ADDRESS,
                workdir=tmp_path / "gateway",
                version="3.3.0",
                kernels_dir=tmp_path / "kernels",
                token=token,
                livy_url=url,
            )
            try:
                async with kernel(gateway, token, "pysparkkernel", KERNEL_USERNAME="someone") as running:
                    assert (await running.run("sc.parallelize(range(10), 1).count()")).endswith("10")
                    assert "emranalyst" in await running.run("spark.sparkContext.sparkUser()")
                    assert "a\n0  1" in await running.run("%%sql\nselect 1 as a")
            finally:
                await gateway.stop()
            kernel_id = running.id
        assert {kernel for _, kernel, _, _ in door.seen} == {kernel_id}
        assert set(door.headers) == {"sparkmagic"}
        created = [body for method, _, path, body in door.seen if (method, path) == ("POST", "sessions")]
        assert len(created) == 1
        assert created[0]["name"].startswith(f"kernel-{kernel_id}-")
        # The kernel's end is its session's end, although the kernel asks for it itself.
        assert ("DELETE", kernel_id, "sessions/0", {}) in door.seen
    written = [path for path in (tmp_path / "gateway").rglob("*.log") if path.name != "gateway.log"]
    assert written == [], "sparkmagic writes no log files of its own"
