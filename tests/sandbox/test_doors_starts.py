"""Engines behind a door: one start for all who wait, an answer when it fails, and kernels of clients that have left."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from jupyter_emr_connect.sandbox.engines.install import ensure_installed
from jupyter_emr_connect.sandbox.frontdoor.cluster import ClusterDoor
from jupyter_emr_connect.sandbox.ports import OTHER_SUBNETS, claim_subnet
from jupyter_emr_connect.sandbox.world.world import World, standard_clusters
from tests.conftest import Sandbox
from tests.sandbox.doors import doors
from tests.sandbox.gateway_process import gateways_of, held_up

pytestmark = pytest.mark.sandbox


async def test_all_first_requests_wait_for_one_start(sandbox: Sandbox) -> None:
    async with doors(sandbox, None, compute="open") as (door,):
        assert (await door.ask("GET", "/api")).status == 200
        address = door.base.removeprefix("http://").partition(":")[0]
        before = gateways_of(sandbox, address)
        sandbox.fault("kill-gateway", "--compute", "open")
        answers = await asyncio.gather(*(door.ask("GET", "/api") for _ in range(12)))
        assert {answer.status for answer in answers} <= {200, 502}, "502: asked the one that was just killed"
        assert (await door.ask("GET", "/api")).status == 200
        after = gateways_of(sandbox, address)
        assert (len(before), len(after)) == (1, 1)
        assert before != after


async def test_a_kernel_whose_client_left_while_it_started_is_still_the_clients(sandbox: Sandbox) -> None:
    wanted = str(uuid.uuid4())
    async with doors(sandbox, None, compute="open") as (door,):
        await door.ask("GET", "/api")
        with held_up(sandbox, "open"):
            start = asyncio.ensure_future(door.start("python3", KERNEL_ID=wanted))
            await asyncio.sleep(0.3)
            start.cancel()
            await asyncio.sleep(0.1)
        there = await door.until(f"/api/kernels/{wanted}", lambda answer: answer.status == 200, seconds=10)
        assert there.status == 200
        assert (await door.ask("DELETE", f"/api/kernels/{wanted}")).status == 204
        assert [row["id"] for row in (await door.ask("GET", "/api/kernels")).json if row["id"] == wanted] == []


async def test_an_engine_that_cannot_start_is_answered_with_503_and_tried_again(tmp_path: Path) -> None:
    installation = ensure_installed(lambda *_: None)
    version = next(iter(installation.gateways))
    missing = replace(installation, gateways={version: tmp_path / "no-python"}, java=tmp_path / "no-java")
    subnet = claim_subnet(OTHER_SUBNETS)
    assert subnet is not None
    spec = next(one for one in standard_clusters(str(subnet.number)) if one.name == "open")
    door = ClusterDoor(World(), replace(spec, gateway_version=version), missing, tmp_path / "work")
    await door.open()
    try:
        async with aiohttp.ClientSession() as session:
            for url in (f"http://{spec.address}:18888/api", f"http://{spec.address}:8998/sessions"):
                async with session.get(url) as answer:
                    assert answer.status == 503
                    assert "while starting" in (await answer.json())["message"]
            mended = tmp_path / "no-python"
            mended.write_text(f'#!/bin/sh\nexec "{installation.gateways[version]}" "$@"\n')
            mended.chmod(0o755)
            async with session.get(f"http://{spec.address}:18888/api") as answer:
                assert answer.status == 200
    finally:
        await door.close()
        subnet.release()
