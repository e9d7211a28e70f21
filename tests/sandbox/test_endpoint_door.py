"""What stands before the gateway of an EMR on EKS endpoint: tokens, roles kept apart, faults. Real gateway."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiohttp import ClientConnectorCertificateError, WSMsgType, WSServerHandshakeError

from jupyter_emr_connect.sandbox.engines.layout import Installation
from jupyter_emr_connect.sandbox.frontdoor.endpoint import EndpointDoor
from jupyter_emr_connect.sandbox.ports import OTHER_SUBNETS, claim_subnet
from jupyter_emr_connect.sandbox.world.eks import standard_endpoints
from jupyter_emr_connect.sandbox.world.world import ACCOUNT, REGION, World
from tests.conftest import Sandbox
from tests.sandbox.doors import Door, aws, endpoint_doors, entered, printed, run, token_of
from tests.sandbox.engine_talk import listens_beyond_loopback

pytestmark = pytest.mark.sandbox

ENDED = (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)
PYTHON, PYSPARK = "python_kubernetes", "spark_python_kubernetes"
Two = tuple[Door, Door, str]


@pytest.fixture(scope="module")
def lent(sandbox: Sandbox) -> Iterator[list[str]]:
    """The kernel that the tests of this module share, once there is one."""
    kernels: list[str] = []
    yield kernels

    async def end() -> None:
        async with endpoint_doors(sandbox, token_of(sandbox, "EMRAnalyst")) as (mine,):
            for kernel_id in kernels:
                await mine.ask("DELETE", f"/api/kernels/{kernel_id}")

    asyncio.run(end())


@pytest.fixture
def two(sandbox: Sandbox, lent: list[str], jp_asyncio_loop: Any) -> Iterator[Two]:
    """Two execution roles on one endpoint and a kernel of the first; afterwards no fault is on."""
    yield from entered(jp_asyncio_loop, with_kernel(sandbox, lent))


@asynccontextmanager
async def with_kernel(sandbox: Sandbox, lent: list[str]) -> AsyncIterator[Two]:
    async with endpoint_doors(sandbox, token_of(sandbox, "EMRAnalyst"), token_of(sandbox, "EMREngineer")) as made:
        mine, other = made
        if not lent or (await mine.ask("GET", f"/api/kernels/{lent[0]}")).status != 200:  # a test may have killed it
            lent[:] = [await mine.start(PYTHON, KERNEL_USERNAME="root")]
        try:
            yield mine, other, lent[0]
        finally:
            sandbox.fault("--off")


def here(sandbox: Sandbox, *words: str) -> None:
    sandbox.fault(*words, "--compute", "notebooks")


async def refused(door: Door, kernel_id: str) -> int:
    """Return the status by which the opening of a WebSocket is refused."""
    with pytest.raises(WSServerHandshakeError) as error:
        async with door.socket(kernel_id):
            pass
    return error.value.status


async def test_it_offers_what_emr_on_eks_documents_and_runs_as_the_role(two: Two) -> None:
    mine, _, kernel_id = two
    answer = (await mine.ask("GET", "/api/kernelspecs")).json
    assert {name: spec["spec"]["display_name"] for name, spec in answer["kernelspecs"].items()} == {
        PYTHON: "Python 3",
        PYSPARK: "PySpark on Kubernetes",
    }
    assert answer["default"] == PYTHON
    async with mine.socket(kernel_id, v1=False) as socket:
        assert printed(await run(socket, "import os; print(os.environ['KERNEL_USERNAME'])")) == "emranalyst\n"


@pytest.mark.parametrize("header", [None, "token", "token nonsense", "Bearer {}", "Basic {}", "{}", "token {}x"])
async def test_without_a_good_token_nothing_is_said(two: Two, header: str | None) -> None:
    mine, _, kernel_id = two
    secret = mine.headers["Authorization"].removeprefix("token ")
    stranger = Door(mine.session, mine.base, None)
    if header:
        stranger.headers["Authorization"] = header.format(secret)
    for method, path in (("GET", "/api"), ("GET", f"/api/kernels?token={secret}"), ("POST", "/api/kernels")):
        answer = await stranger.ask(method, path)
        assert (answer.status, answer.json) == (401, {"reason": "Unauthorized", "message": ""})
    assert await refused(stranger, kernel_id) == 401


async def test_an_expired_token_is_told_from_an_unknown_one_and_an_open_socket_outlives_it(
    sandbox: Sandbox, two: Two
) -> None:
    mine, _, kernel_id = two
    async with mine.socket(kernel_id) as socket:
        await run(socket, "x = 5")
        here(sandbox, "expire-tokens")
        answer = await mine.ask("GET", f"/api/kernels/{kernel_id}")
        assert (answer.status, answer.json["message"]) == (403, "The token has expired.")
        assert await refused(mine, kernel_id) == 403
        assert printed(await run(socket, "print(x)")) == "5\n"


async def test_expired_credentials_take_the_tokens_with_them(sandbox: Sandbox, two: Two) -> None:
    mine, _, _ = two
    here(sandbox, "expire-credentials")
    sandbox.fault("--off")
    assert (await mine.ask("GET", "/api")).status == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/interrupt"), ("POST", "/restart"), ("GET", "/channels?session_id=x")],
)
async def test_a_kernel_of_another_role_does_not_exist(two: Two, method: str, path: str) -> None:
    mine, other, kernel_id = two
    unknown = str(uuid.uuid4())
    foreign, missing = [await other.ask(method, f"/api/kernels/{one}{path}") for one in (kernel_id, unknown)]
    assert (foreign.status, foreign.text.replace(kernel_id, "")) == (404, missing.text.replace(unknown, ""))
    assert await refused(other, kernel_id) == 404
    assert kernel_id not in {row["id"] for row in (await other.ask("GET", "/api/kernels")).json}
    assert kernel_id in {row["id"] for row in (await mine.ask("GET", "/api/kernels")).json}


async def test_cut_sockets_and_a_black_hole(sandbox: Sandbox, two: Two) -> None:
    mine, _, kernel_id = two
    async with mine.socket(kernel_id) as socket:
        await run(socket, "x = 5")
        here(sandbox, "cut-sockets")
        while (await socket.receive(timeout=5)).type not in ENDED:
            pass
    async with mine.socket(kernel_id) as socket:
        assert printed(await run(socket, "print(x)")) == "5\n"
        here(sandbox, "black-hole")
        late = asyncio.ensure_future(run(socket, "print('late')"))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(mine.ask("GET", "/api"), 1.5)
        assert not late.done()
        here(sandbox, "black-hole", "--off")
        assert printed(await late) == "late\n"


async def test_a_killed_gateway_comes_back_without_its_kernels(sandbox: Sandbox, two: Two) -> None:
    mine, _, kernel_id = two
    here(sandbox, "kill-gateway")
    back = await mine.until("/api", lambda answer: answer.status == 200, seconds=60)
    assert back.status == 200
    assert (await mine.ask("GET", "/api/kernels")).json == []
    assert (await mine.ask("GET", f"/api/kernels/{kernel_id}")).status == 404


async def test_a_killed_pyspark_kernel_leaves_no_driver_and_is_started_again(sandbox: Sandbox, two: Two) -> None:
    mine, _, _ = two
    kernel_id = await mine.start(PYSPARK)
    async with mine.socket(kernel_id) as socket:
        code = "import os; print(os.getpid(), spark.sparkContext.sparkUser(), sc.parallelize(range(5), 1).count())"
        pid, user, count = printed(await run(socket, code)).split()
        assert (user, count) == ("emranalyst", "5")
        (driver,) = [one for one in psutil.Process(int(pid)).children() if one.name() == "java"]
        here(sandbox, "kill-kernel")
        seen = ""
        while '"restarting"' not in seen:
            seen = str((await socket.receive(timeout=60)).data)
    driver.wait(60)
    async with mine.socket(kernel_id) as socket:
        assert printed(await run(socket, "print(sc.parallelize(range(7), 1).count())")) == "7\n"
    assert (await mine.ask("DELETE", f"/api/kernels/{kernel_id}")).status == 204


async def test_a_bad_certificate_is_for_another_host(sandbox: Sandbox) -> None:
    here(sandbox, "bad-certificate")
    with pytest.raises(ClientConnectorCertificateError, match="IP address mismatch"):
        async with endpoint_doors(sandbox, token_of(sandbox, "EMRAnalyst")):
            pass
    sandbox.fault("--off")


def test_it_is_listed_by_aws_where_it_answers(sandbox: Sandbox) -> None:
    row = sandbox.compute("notebooks")
    (team,) = aws(sandbox, "emr-containers").list_virtual_clusters()["virtualClusters"]
    assert (team["name"], len(team["id"])) == ("team", 25)
    listed = aws(sandbox, "emr-containers").list_managed_endpoints(virtualClusterId=team["id"])["endpoints"]
    (found,) = [one for one in listed if one["name"] == "notebooks"]
    assert row["id"] == f"{team['id']}/{found['id']}"
    assert (row["kind"], row["attachable"], row["livy_url"]) == ("eks", True, None)
    assert found["serverUrl"] == row["gateway_url"]
    assert found["executionRoleArn"] == "arn:aws:iam::123456789012:role/EMRAnalyst"


@asynccontextmanager
async def alone(installation: Installation, folder: Path) -> AsyncIterator[tuple[EndpointDoor, World, Any]]:
    """A door in this process, with tokens at will: ``ask_as(role)`` makes a way in."""
    subnet = claim_subnet(OTHER_SUBNETS)
    assert subnet is not None
    world = World()
    (spec,) = standard_endpoints(str(subnet.number), ACCOUNT, REGION)
    world.endpoints[spec.id] = spec
    door = EndpointDoor(world, spec, installation, folder / "work", lambda role: {"spark.test.role": role})
    await door.open()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:

        def ask_as(role: str, endpoint: str = spec.id) -> Door:
            return Door(session, spec.server_url, world.tokens.issue(endpoint, role, "arn:caller").value)

        try:
            yield door, world, ask_as
        finally:
            await door.close()
            subnet.release()


async def test_roles_of_one_name_are_kept_apart_too(installed: Installation, tmp_path: Path) -> None:
    async with alone(installed, tmp_path) as (door, _, ask_as):
        mine, other = [ask_as(f"arn:aws:iam::{ACCOUNT}:role/{path}EMRAnalyst") for path in ("", "team/")]
        await mine.until("/api", lambda answer: answer.status == 200)
        kernel_id = await mine.start(PYSPARK)
        assert (await other.ask("GET", f"/api/kernels/{kernel_id}")).status == 404
        assert (await other.ask("GET", "/api/kernels")).json == []
        async with mine.socket(kernel_id) as socket:
            role = printed(
                await run(socket, "print(spark.conf.get('spark.test.role'), sc.parallelize(range(2), 1).count())")
            )
        assert role == f"arn:aws:iam::{ACCOUNT}:role/EMRAnalyst 2\n"
        engine = door.gateway.running
        assert engine is not None
        assert listens_beyond_loopback(engine) == []


async def test_a_gateway_starts_for_a_good_token_alone_and_says_when_it_cannot(
    installed: Installation, tmp_path: Path
) -> None:
    missing = replace(installed, gateways={"3.3.0": tmp_path / "no-python"})
    role = f"arn:aws:iam::{ACCOUNT}:role/EMRAnalyst"
    async with alone(missing, tmp_path) as (door, world, ask_as):
        assert (await ask_as(role, "anotherendpoint0000000000").ask("GET", "/api")).status == 401
        assert not (tmp_path / "work").exists()
        answer = await ask_as(role).ask("GET", "/api")
        assert (answer.status, "while starting" in answer.json["message"]) == (503, True)
        good = ask_as(role)
        ended = replace(door.spec, state="TERMINATING")
        world.endpoints[ended.id] = ended
        await door.apply_faults()
        with pytest.raises(aiohttp.ClientConnectorError):
            await good.ask("GET", "/api")
