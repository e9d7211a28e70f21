"""The rules of port 8998 before a small Livy that tells all it is given, as 0.8 does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from jupyter_emr_connect.sandbox.frontdoor.livy import LivyCall, LivyRules, livy_segments, no_such_page
from jupyter_emr_connect.sandbox.frontdoor.owners import Owners

SUPERUSER = "door-secret"
STORAGE = {"spark.hadoop.fs.s3a.secret.key": "hidden", "spark.hadoop.fs.s3.impl": "S3A"}


class TellingLivy:
    """A Livy of one session, which repeats what it was given and names the superuser as the owner."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    async def answer(self, request: web.BaseRequest) -> web.Response:
        if request.method == "POST" and request.path == "/sessions":
            self.given = json.loads(await request.read())
        view = {"id": 0, "owner": SUPERUSER, "conf": self.given.get("conf")}
        body = {"sessions": [view]} if request.path == "/sessions" and request.method == "GET" else view
        return web.json_response(body, status=201 if request.path == "/sessions" and request.method == "POST" else 200)


@asynccontextmanager
async def door(livy: TellingLivy) -> AsyncIterator[TestClient[Any, Any]]:
    """Yield a client of the rules, as the user ``emranalyst``."""
    gate = asyncio.Event()
    gate.set()
    async with ClientSession(auto_decompress=False) as session:
        engine = web.ServerRunner(web.Server(livy.answer))
        await engine.setup()
        site = web.TCPSite(engine, "127.0.0.1", 0)
        await site.start()
        rules = LivyRules(session, Owners(), gate, lambda user: {**STORAGE, "spark.user": user})
        base = URL(f"http://127.0.0.1:{engine.addresses[0][1]}")

        async def handle(request: web.Request) -> web.StreamResponse:
            segments = livy_segments(request.raw_path)
            if segments is None:
                return no_such_page()
            return await rules.answer(request, LivyCall(base, SUPERUSER, "emranalyst", None, segments))

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        try:
            async with TestClient(TestServer(app)) as client:
                yield client
        finally:
            await engine.cleanup()


async def test_a_session_begins_with_its_roles_storage_and_nobody_is_shown_its_keys() -> None:
    livy = TellingLivy()
    async with door(livy) as client:
        conf = {"spark.hadoop.fs.s3.impl": "mine", "a": "b"}
        made = await (await client.post("/sessions", json={"kind": "pyspark", "conf": conf})).json()
        assert livy.given["conf"] == {**STORAGE, "spark.user": "emranalyst", **conf}
        shown = {"spark.hadoop.fs.s3.impl": "mine", "a": "b", "spark.user": "emranalyst"}
        answers = [made, await (await client.get("/sessions/0")).json()]
        answers += (await (await client.get("/sessions")).json())["sessions"]
        answers.append(await (await client.post("/sessions/0/connect")).json())
        assert answers == [{"id": 0, "owner": "emranalyst", "conf": shown}] * 4


@pytest.mark.parametrize("conf", [None, {}])
async def test_a_session_without_settings_gets_them_too(conf: Any) -> None:
    livy = TellingLivy()
    async with door(livy) as client:
        await client.post("/sessions", json={"conf": conf})
        assert livy.given["conf"] == {**STORAGE, "spark.user": "emranalyst"}


async def test_a_wish_for_a_hive_catalog_reaches_the_driver_beside_livys_own_setting() -> None:
    livy = TellingLivy()
    async with door(livy) as client:
        await client.post("/sessions", json={"conf": {"spark.sql.catalogImplementation": "hive"}})
        assert livy.given["conf"]["spark.repl.enableHiveContext"] == "true"
        await client.post("/sessions", json={"conf": {"spark.sql.catalogImplementation": "in-memory"}})
        assert "spark.repl.enableHiveContext" not in livy.given["conf"]


async def test_what_is_wrong_with_the_settings_is_livys_to_say() -> None:
    livy = TellingLivy()
    async with door(livy) as client:
        await client.post("/sessions", json={"conf": ["nonsense"]})
        assert livy.given["conf"] == ["nonsense"]


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("/", ()),
        ("/sessions/?from=1", ("sessions",)),
        ("/ui/", ("ui",)),
        ("/sessions/0", ("sessions", "0")),
        ("/sessions/0/", None),
        ("//", None),
        ("//sessions", None),
        ("/sessions%2f0", None),
    ],
)
def test_a_slash_may_end_the_first_segment_alone(path: str, segments: tuple[str, ...] | None) -> None:
    assert livy_segments(path) == segments
