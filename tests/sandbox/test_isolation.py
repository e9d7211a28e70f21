"""What one runtime role started, another neither sees nor reaches, through either port. Real gateway, real Livy."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import WSServerHandshakeError

from tests.conftest import Sandbox
from tests.sandbox.doors import Door, aws, doors, entered, lent_kernel, pair_of, printed, run

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def analyst(sandbox: Sandbox) -> tuple[str, str]:
    return pair_of(sandbox, "EMRAnalyst")


@pytest.fixture(scope="module")
def engineer(sandbox: Sandbox) -> tuple[str, str]:
    return pair_of(sandbox, "EMREngineer")


@pytest.fixture(scope="module")
def kernel_id(sandbox: Sandbox, analyst: Any) -> Iterator[str]:
    """A kernel of the first user, which every test leaves running."""
    yield from lent_kernel(sandbox, analyst)


@pytest.fixture
def gateway(
    sandbox: Sandbox, analyst: Any, engineer: Any, kernel_id: str, jp_asyncio_loop: Any
) -> Iterator[tuple[Door, Door, str]]:
    """Two users on port 18888 and the kernel of the first."""
    for mine, other in entered(jp_asyncio_loop, doors(sandbox, analyst, engineer)):
        yield mine, other, kernel_id


@pytest.fixture(scope="module")
def session_number(sandbox: Sandbox, analyst: Any) -> Iterator[int]:
    """A Spark session of the first user, who tries to make it somebody else's."""

    async def make() -> int:
        async with doors(sandbox, analyst, port=8998) as (mine,):
            conf = {"livy.rsc.proxy-user": "root", "livy.rsc.proxy_user": "root"}
            body = {"kind": "pyspark", "name": "the-analysts", "proxyUser": "emrengineer", "conf": conf}
            made = await mine.ask("POST", "/sessions?doAs=emrengineer&user.name=root", json=body)
            assert made.status == 201, made.text
            return int(made.json["id"])

    async def end(number: int) -> None:
        async with doors(sandbox, analyst, port=8998) as (mine,):
            assert (await mine.ask("DELETE", f"/sessions/{number}")).status == 200

    number = asyncio.run(make())
    yield number
    asyncio.run(end(number))


@pytest.fixture
def livy(
    sandbox: Sandbox, analyst: Any, engineer: Any, session_number: int, jp_asyncio_loop: Any
) -> Iterator[tuple[Door, Door, int]]:
    """Two users on port 8998 and the Spark session of the first."""
    for mine, other in entered(jp_asyncio_loop, doors(sandbox, analyst, engineer, port=8998)):
        yield mine, other, session_number


async def test_a_kernel_runs_as_the_role_whatever_the_client_says(sandbox: Sandbox, analyst: Any) -> None:
    async with doors(sandbox, analyst) as (mine,):
        kernel_id = await mine.start(KERNEL_USERNAME="root", kernel_username="root", KERNEL_UID="0")
        async with mine.socket(kernel_id) as socket:
            code = "import os; print(sorted((k, v) for k, v in os.environ.items() if k.upper().startswith('KERNEL_U')))"
            assert printed(await run(socket, code)) == "[('KERNEL_USERNAME', 'emranalyst')]\n"
        await mine.ask("DELETE", f"/api/kernels/{kernel_id}")


async def test_lists_hold_only_ones_own_kernels(gateway: tuple[Door, Door, str]) -> None:
    mine, other, kernel_id = gateway
    assert kernel_id in {row["id"] for row in (await mine.ask("GET", "/api/kernels")).json}
    assert kernel_id not in {row["id"] for row in (await other.ask("GET", "/api/kernels")).json}
    assert (await other.ask("GET", "/api/sessions")).json == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/kernels/{}"),
        ("DELETE", "/api/kernels/{}"),
        ("POST", "/api/kernels/{}/interrupt"),
        ("POST", "/api/kernels/{}/restart"),
        ("GET", "/api/kernels/{}/channels?session_id=x"),
    ],
)
async def test_a_foreign_kernel_is_answered_like_one_that_does_not_exist(
    gateway: tuple[Door, Door, str], method: str, path: str
) -> None:
    mine, other, kernel_id = gateway
    unknown = str(uuid.uuid4())
    foreign, missing = await other.ask(method, path.format(kernel_id)), await other.ask(method, path.format(unknown))
    assert (foreign.status, missing.status) == (404, 404)
    assert foreign.text.replace(kernel_id, "") == missing.text.replace(unknown, "")
    assert (await mine.ask("GET", f"/api/kernels/{kernel_id}")).status == 200


async def test_an_unknown_kernel_is_answered_as_the_gateway_itself_answers(
    sandbox: Sandbox, gateway: tuple[Door, Door, str]
) -> None:
    mine, _, _ = gateway
    unknown = str(uuid.uuid4())
    ours = (await mine.ask("GET", f"/api/kernels/{unknown}")).json
    assert ours == {"reason": f"Kernel does not exist: {unknown}", "message": ""}


async def test_a_foreign_websocket_is_refused(gateway: tuple[Door, Door, str]) -> None:
    _, other, kernel_id = gateway
    with pytest.raises(WSServerHandshakeError) as refused:
        async with other.socket(kernel_id):
            pass
    assert refused.value.status == 404


@pytest.mark.parametrize(
    "path",
    [
        "//api/kernels/{}",
        "/api//kernels/{}",
        "/api/kernels/{}/",
        "/api/./kernels/{}",
        "/api/kernels/x/../{}",
        "/api/kernels/%2e%2e/kernels/{}",
        "/api%2fkernels%2f{}",
        "/api/kernels/{}%2f",
        "/API/KERNELS/{}",
        "/api/kernels/{};x=1",
        "/api/kernels/{}?token=",
        "/api/sessions/{}",
    ],
)
async def test_no_spelling_of_the_path_leads_to_a_foreign_kernel(gateway: tuple[Door, Door, str], path: str) -> None:
    mine, other, kernel_id = gateway
    for text in (kernel_id, kernel_id.upper(), kernel_id.replace("-", "%2d")):
        for method in ("GET", "DELETE"):
            assert (await other.ask(method, path.format(text))).status in (400, 404, 405)
    assert (await mine.ask("GET", f"/api/kernels/{kernel_id}")).status == 200


async def test_a_taken_kernel_id_is_refused_without_telling_whose_it_is(gateway: tuple[Door, Door, str]) -> None:
    mine, other, kernel_id = gateway
    answers = [
        await door.ask("POST", "/api/kernels", json={"name": "python3", "env": {"KERNEL_ID": kernel_id}})
        for door in (mine, other)
    ]
    assert answers[0].status == answers[1].status == 409
    assert answers[0].text == answers[1].text
    assert kernel_id not in answers[1].text


@pytest.mark.parametrize("spelt", [str.upper, lambda text: f"{{{text}}}", lambda text: f"urn:uuid:{text}"])
async def test_another_spelling_of_a_taken_kernel_id_does_not_capture_it(
    gateway: tuple[Door, Door, str], spelt: Any
) -> None:
    mine, other, kernel_id = gateway
    answer = await other.ask("POST", "/api/kernels", json={"name": "python3", "env": {"KERNEL_ID": spelt(kernel_id)}})
    assert answer.status >= 400
    assert (await other.ask("GET", f"/api/kernels/{kernel_id}")).status == 404
    assert (await mine.ask("GET", f"/api/kernels/{kernel_id}")).status == 200


async def test_a_free_kernel_id_is_adopted(sandbox: Sandbox, analyst: Any) -> None:
    async with doors(sandbox, analyst) as (mine,):
        wanted = str(uuid.uuid4())
        assert await mine.start(KERNEL_ID=wanted) == wanted
        assert (await mine.ask("DELETE", f"/api/kernels/{wanted}")).status == 204
        assert await mine.start(KERNEL_ID=wanted) == wanted
        assert (await mine.ask("DELETE", f"/api/kernels/{wanted}")).status == 204


async def test_sessions_cannot_start_kernels_past_the_role(sandbox: Sandbox, analyst: Any) -> None:
    async with doors(sandbox, analyst) as (mine,):
        body = {"path": "x", "type": "notebook", "name": "x", "kernel": {"name": "python3"}}
        assert (await mine.ask("POST", "/api/sessions", json=body)).status == 405
        assert (await mine.ask("GET", "/api/sessions")).json == []


async def test_livy_lists_hold_only_ones_own_sessions(livy: tuple[Door, Door, int]) -> None:
    mine, other, number = livy
    own = (await mine.ask("GET", "/sessions")).json
    assert number in {row["id"] for row in own["sessions"]}
    assert own["total"] == len(own["sessions"])
    assert (await mine.ask("GET", f"/sessions?from={own['total']}&size=5")).json == {
        "from": own["total"],
        "total": own["total"],
        "sessions": [],
    }
    assert (await other.ask("GET", "/sessions")).json == {"from": 0, "total": 0, "sessions": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sessions/{}"),
        ("GET", "/sessions/{}/state"),
        ("GET", "/sessions/{}/log"),
        ("GET", "/sessions/{}/statements"),
        ("GET", "/sessions/{}/statements/0"),
        ("POST", "/sessions/{}/statements"),
        ("POST", "/sessions/{}/statements/0/cancel"),
        ("POST", "/sessions/{}/completion"),
        ("POST", "/sessions/{}/connect"),
        ("POST", "/sessions/{}/interrupt"),
        ("DELETE", "/sessions/{}"),
        ("GET", "/sessions/{}?doAs=emranalyst"),
        ("GET", "/sessions/{}?user.name=emranalyst&DOAS=emranalyst"),
        ("DELETE", "/sessions/{}?proxyUser=emranalyst"),
        ("GET", "//sessions/{}"),
        ("GET", "/sessions//{}"),
        ("GET", "/sessions/{}/"),
        ("GET", "/sessions/0{}"),
        ("GET", "/sessions/%30{}"),
        ("GET", "/Sessions/{}"),
        ("GET", "/sessions/../sessions/{}"),
        ("GET", "/batches/../sessions/{}"),
        ("GET", "/sessions/{}%2flog"),
        ("GET", "/sessions/{};jsessionid=1"),
        ("GET", "/ui/session/{}"),
        ("GET", "/ui/session/{}/log"),
    ],
)
async def test_a_foreign_livy_session_does_not_exist(livy: tuple[Door, Door, int], method: str, path: str) -> None:
    mine, other, number = livy
    body = {"json": {"code": "1", "cursor": 1, "kind": "pyspark"}} if method == "POST" else {}
    cookies = {"Cookie": "hadoop.auth=u=emranalyst&p=emranalyst&t=simple&e=9999999999999&s=x"}
    answer = await other.ask(method, path.format(number), headers=cookies, **body)
    assert answer.status in (400, 404)
    assert "emranalyst" not in answer.text
    assert (await mine.ask("GET", f"/sessions/{number}/state")).status == 200


async def test_a_livy_session_is_not_reached_by_its_name(livy: tuple[Door, Door, int]) -> None:
    mine, other, number = livy
    name = (await mine.ask("GET", f"/sessions/{number}")).json["name"]
    assert (await mine.ask("GET", f"/sessions/{name}")).json["id"] == number
    assert (await other.ask("GET", f"/sessions/{name}")).status == 404
    assert (await other.ask("DELETE", f"/sessions/{name}")).status == 404


async def test_livys_secrets_stay_behind_the_door(livy: tuple[Door, Door, int]) -> None:
    mine, _, number = livy
    answer = await mine.ask("GET", f"/sessions/{number}")
    assert "Set-Cookie" not in answer.headers
    assert (answer.json["owner"], answer.json["proxyUser"]) == ("emranalyst", "emranalyst")
    connected = await mine.ask("POST", f"/sessions/{number}/connect")
    assert (connected.status, connected.json["owner"]) == (200, "emranalyst")
    assert connected.json.keys() == answer.json.keys()


async def test_livys_own_pages_are_livys(sandbox: Sandbox, livy: tuple[Door, Door, int]) -> None:
    mine, other, number = livy
    home = await mine.ask("GET", "/")
    assert (home.status, home.headers["Location"]) == (302, "/ui")
    assert "<title>Livy" in (await mine.ask("GET", "/ui/")).text
    assert (await mine.ask("GET", "/metrics/ping")).text == "pong\n"
    assert "gauges" in (await mine.ask("GET", "/metrics/metrics")).json
    pages = [f"/ui/session/{number}", "/ui/", "/static/js/all-sessions.js", "/metrics/threads", "/metrics/healthcheck"]
    for page in [await mine.ask("GET", path) for path in pages]:
        assert page.status in (200, 501)  # a health check without checks says 501
        assert "door-" not in page.text
    for door, path in ((other, f"/ui/session/{number}"), (mine, "/ping"), (mine, "/thriftserver"), (mine, "/a//b")):
        missing = await door.ask("GET", path)
        assert missing.status == 404
        assert (missing.headers["Content-Type"].partition(";")[0], missing.text) == ("text/html", "")
    assert (await mine.ask("PUT", "/sessions")).status == (await mine.ask("POST", "/")).status == 405
    assert (await mine.ask("GET", "/sessions/")).json["total"] >= 1
    assert (await mine.ask("GET", "/batches/7")).json == {"msg": "Session '7' not found."}


async def test_spark_runs_as_the_role_whatever_the_client_says(livy: tuple[Door, Door, int]) -> None:
    mine, _, number = livy
    ready = await mine.until(f"/sessions/{number}/state", lambda answer: answer.json["state"] != "starting")
    assert ready.json["state"] == "idle"
    made = await mine.ask("POST", f"/sessions/{number}/statements", json={"code": "spark.sparkContext.sparkUser()"})
    path = f"/sessions/{number}/statements/{made.json['id']}"
    done = await mine.until(path, lambda answer: answer.json["state"] == "available")
    assert done.json["output"]["data"]["text/plain"] == "'emranalyst'"


async def test_spark_reaches_s3_as_the_role(sandbox: Sandbox, livy: tuple[Door, Door, int]) -> None:
    mine, _, number = livy
    aws(sandbox, "s3", "administrator").put_object(Bucket="emr-sandbox-data", Key="t/a.csv", Body=b"1\n2\n")

    async def output_of(code: str) -> str:
        made = await mine.ask("POST", f"/sessions/{number}/statements", json={"code": code})
        path = f"/sessions/{number}/statements/{made.json['id']}"
        return (await mine.until(path, lambda answer: answer.json["state"] == "available")).text

    assert "Row(value='2')" in await output_of("spark.sql('select * from text.`s3://emr-sandbox-data/t/`').collect()")
    refused = await output_of("spark.range(3).write.csv('s3://emr-sandbox-data/u')")
    assert "assumed-role/EMRAnalyst/spark is not authorized to perform: s3:PutObject" in refused


async def test_a_foreign_batch_does_not_exist(sandbox: Sandbox, analyst: Any, engineer: Any) -> None:
    async with doors(sandbox, analyst, engineer, port=8998) as (mine, other):
        made = await mine.ask("POST", "/batches", json={"file": "http://127.0.0.1:1/nowhere.py", "proxyUser": "root"})
        assert made.status == 201, made.text
        number = made.json["id"]
        assert number in {row["id"] for row in (await mine.ask("GET", "/batches")).json["sessions"]}
        assert (await other.ask("GET", "/batches")).json["total"] == 0
        for method, path in (("GET", ""), ("GET", "/state"), ("GET", "/log"), ("DELETE", "")):
            assert (await other.ask(method, f"/batches/{number}{path}")).status == 404
        assert (await mine.ask("DELETE", f"/batches/{number}")).status == 200


async def test_a_kernel_reaches_livy_as_its_own_user_only(gateway: tuple[Door, Door, str]) -> None:
    mine, _, kernel_id = gateway
    specs = (await mine.ask("GET", "/api/kernelspecs")).json["kernelspecs"]
    base = specs["pysparkkernel"]["spec"]["env"]["EMR_CONNECT_LIVY_URL"]
    async with mine.socket(kernel_id) as socket:
        code = (
            "import os, urllib.request, urllib.error\n"
            "def ask(path):\n"
            f"    try: return urllib.request.urlopen({base!r} + path).read().decode()\n"
            "    except urllib.error.HTTPError as error: return error.code\n"
            "me = os.environ['KERNEL_ID']\n"
            f"print(ask(f'/kernels/{{me}}/sessions'), ask('/kernels/{uuid.uuid4()}/sessions'), ask('/sessions'))\n"
        )
        messages = await run(socket, code)
    text = printed(messages)
    assert text.endswith(" 404 404\n"), messages
    assert "emrengineer" not in text
