"""Our kernels inside a real Jupyter server: sessions, their kernels' life, errors that users read, and its end."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.sandbox.jupyter_server import Server, serving
from tests.sandbox.kernels import until
from tests.sandbox.notebooks import write_notebook

pytestmark = pytest.mark.sandbox

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"
ENDS_WITHIN = 15


@pytest.fixture
def notebooks(sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """A server's folder with one notebook in a folder attached to `open`, and one in no attached folder."""
    for folder, compute in (("team", ("open",)), ("roles", ("analytics", "--runtime-role", ROLE)), ("loose", ())):
        path = tmp_path / "notebooks" / folder / "deep"
        path.mkdir(parents=True)
        write_notebook(path / "n.ipynb", "emr-python", "1")
        if compute:
            done = sandbox.cli("attach", compute[0], str(path.parent), *compute[1:])
            assert done.returncode == 0, done.stderr
    yield tmp_path
    for folder in ("team", "roles"):
        sandbox.cli("detach", str(tmp_path / "notebooks" / folder))


async def opened(server: Server, path: str = "team/deep/n.ipynb") -> Any:
    status, session = await server.open_session(path, "emr-python")
    assert status == 201, session
    return session


async def says_idle(server: Server, kernel: str) -> None:
    """Wait until the server calls a kernel idle; nothing asks the kernel meanwhile."""
    for _ in range(300):
        if (await server.call("GET", f"/api/kernels/{kernel}"))[1]["execution_state"] == "idle":
            return
        await asyncio.sleep(0.1)
    pytest.fail("the kernel is never said to be idle")


async def test_a_session_of_a_notebook_in_an_attached_folder_and_restarts_that_fail(
    sandbox: Sandbox, notebooks: Path, on_gateway: Any
) -> None:
    async with serving(sandbox, notebooks, "--ServerApp.root_dir=notebooks") as server:
        session = await opened(server)
        kernel = session["kernel"]["id"]
        assert len(on_gateway()) == 1
        async with server.channels(kernel) as channels:
            assert await channels.printed("print(6 * 7)") == "42\n"
            await channels.printed("kept = 1; print('set')")

            asked = await channels.ask("import time; print('on', flush=True); time.sleep(120)")
            await channels.until("stream", asked)
            assert (await server.call("POST", f"/api/kernels/{kernel}/interrupt"))[0] == 204
            reply = await channels.until("execute_reply", asked, wait=60)
            assert reply["content"]["ename"] == "KeyboardInterrupt"

            assert (await server.call("POST", f"/api/kernels/{kernel}/restart"))[0] == 200
            assert "False" in await channels.printed("print('kept' in globals())")

            dies = "import os, threading; threading.Timer(1, os.kill, (os.getpid(), 9)).start(); print('soon')"
            assert await channels.printed(dies) == "soon\n"
            await channels.until_state("restarting")
            await says_idle(server, kernel)
        await a_restart_that_fails_is_told(sandbox, server, kernel)
        await it_is_shut_down_while_it_restarts(sandbox, server, session)
        assert (await server.call("GET", "/api/kernels")) == (200, [])
        await until(lambda: on_gateway() == set())
        server.stop(ENDS_WITHIN)
        assert "Traceback" not in server.said


async def a_restart_that_fails_is_told(sandbox: Sandbox, server: Server, kernel: str) -> None:
    """Restart a kernel whose gateway fails, and then once more."""
    sandbox.fault("error-500", "--compute", "open")
    try:
        status, answer = await server.call("POST", f"/api/kernels/{kernel}/restart")
    finally:
        sandbox.fault("--off")
    assert (status, answer["code"]) == (424, "gateway")
    assert "HTTP 500" in answer["message"]
    assert "See the gateway's own log." in answer["message"]
    assert (await server.call("POST", f"/api/kernels/{kernel}/restart"))[0] == 200


async def it_is_shut_down_while_it_restarts(sandbox: Sandbox, server: Server, session: Any) -> None:
    """Delete a session in the midst of its kernel's restart, of which nothing comes."""
    sandbox.fault("black-hole", "--compute", "open")
    try:
        asked = await restarting(server, session["kernel"]["id"])
    finally:
        sandbox.fault("--off")
    assert (await server.call("DELETE", f"/api/sessions/{session['id']}"))[0] == 204
    await asked  # refused, or answered just before the shutdown


@pytest.mark.parametrize("leaves", [False, pytest.param(True, marks=pytest.mark.full)])
async def test_a_server_that_ends_does_with_its_kernels_what_is_configured_and_deletes_those_still_starting(
    sandbox: Sandbox, notebooks: Path, on_gateway: Any, leaves: bool
) -> None:
    async with serving(sandbox, notebooks, "--ServerApp.root_dir=notebooks", leaves=leaves) as server:
        kernel = (await opened(server))["kernel"]["id"]
        first = on_gateway()
        async with server.channels(kernel) as channels:
            asked = await channels.ask("import time; print('on', flush=True); time.sleep(120)")
            await channels.until("stream", asked)
            starting = asyncio.ensure_future(server.open_session("team/deep/m.ipynb", "emr-python"))
            await until(lambda: len(on_gateway()) == 2, wait=60)
            assert not starting.done()
            await asyncio.to_thread(server.stop, ENDS_WITHIN)
            starting.cancel()
    assert on_gateway() == (first if leaves else set())
    for kernel in first & on_gateway():
        assert sandbox.json("kernels", "shutdown", kernel)["link"] == "detached"


def delete_on_gateway(sandbox: Sandbox, kernel: str) -> None:
    """Delete a kernel as an administrator may, unknown to the server."""
    url = f"{sandbox.compute('open')['gateway_url']}/api/kernels/{kernel}"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=60).close()


async def test_automatic_restarts_that_fail_other_roles_and_starts_that_fail(
    sandbox: Sandbox, notebooks: Path, on_gateway: Any
) -> None:
    """Browsers are told: one that stays connected, and one that connects anew as JupyterLab does: it is let in."""
    async with serving(sandbox, notebooks, "--ServerApp.root_dir=notebooks") as server:
        session = await opened(server)
        kernel = session["kernel"]["id"]
        (remote,) = on_gateway()
        async with server.channels(kernel) as channels:
            assert sandbox.cli("detach", str(notebooks / "notebooks" / "team")).returncode == 0
            await asyncio.to_thread(delete_on_gateway, sandbox, remote)
            await channels.until_state("restarting")
            async with server.channels(kernel, "another"):
                pass
            told = await channels.until_state("dead")
        assert "is not attached to a compute" in told["reason"]
        assert "jupyter emr attach" in told["fix"]
        _, model = await server.call("GET", f"/api/kernels/{kernel}")
        assert model["execution_state"] == "dead"
        assert "is not attached to a compute" in model["reason"]
        assert "never reached an 'alive' state" not in server.said

        assert sandbox.cli("attach", "open", str(notebooks / "notebooks" / "team")).returncode == 0
        assert (await server.call("POST", f"/api/kernels/{kernel}/restart"))[0] == 200
        async with server.channels(kernel) as channels:
            assert await channels.printed("print(6 * 7)") == "42\n"
        await starts_that_fail_are_told(sandbox, server, notebooks)  # while no credentials of the role are known
        await a_restart_goes_to_the_role_that_is_attached_by_then(sandbox, server, notebooks)
        server.stop(ENDS_WITHIN)
    assert on_gateway() == set()


async def a_restart_goes_to_the_role_that_is_attached_by_then(
    sandbox: Sandbox, server: Server, notebooks: Path
) -> None:
    """Attach another role under a running kernel, and restart it."""
    engineer = ROLE.replace("EMRAnalyst", "EMREngineer")
    session = await opened(server, "roles/deep/n.ipynb")
    local = session["kernel"]["id"]

    async def listed() -> Any:
        _, kernels = await server.call("GET", "/jupyter-emr-connect/kernels?check=false")
        return next(kernel for kernel in kernels["items"] if kernel["local_id"] == local)

    async with server.channels(local) as channels:
        await channels.printed("kept = 1; print('set')")
        before = await listed()
        assert before["runtime_role"] == ROLE
        done = sandbox.cli("attach", "analytics", f"{notebooks}/notebooks/roles", "--runtime-role", engineer)
        assert f"Kernel {before['kernel_id']} of " in done.stdout
        assert f"under {ROLE}, until it is restarted" in done.stdout
        assert "True" in await channels.printed("print('kept' in globals())")
        assert (await server.call("POST", f"/api/kernels/{local}/restart"))[0] == 200
        assert "False" in await channels.printed("print('kept' in globals())")
    after = await listed()
    assert (after["runtime_role"], after["cause"]) == (engineer, "restarted")
    assert f"under the runtime role {engineer}" in after["reason"]
    assert after["kernel_id"] != before["kernel_id"]
    assert (await server.call("DELETE", f"/api/sessions/{session['id']}"))[0] == 204


async def starts_that_fail_are_told(sandbox: Sandbox, server: Server, notebooks: Path) -> None:
    """Open notebooks that are attached nowhere, have no such kernel, or whose role is denied."""
    status, answer = await server.open_session("loose/deep/n.ipynb", "emr-python")
    assert status == 404
    assert f"{notebooks}/notebooks/loose/deep/n.ipynb is not attached to a compute" in answer["message"]
    assert "jupyter emr attach" in answer["message"]

    status, answer = await server.open_session("team/deep/other.ipynb", "emr-cobol")
    assert status == 501
    assert "'emr-cobol' kernel is not available" in answer["message"]

    sandbox.fault("deny:GetClusterSessionCredentials")
    try:
        status, answer = await server.open_session("roles/deep/n.ipynb", "emr-python")
    finally:
        sandbox.fault("deny", "--off")
    assert status == 403
    assert "Stage 'credentials': You may not take the runtime role" in answer["message"]
    assert "jupyter emr roles analytics" in answer["message"]
    assert "Traceback" not in answer["message"]


async def restarting(server: Server, kernel: str) -> asyncio.Future[Any]:
    """Ask for a restart of which nothing comes; returns its answer to come once the provisioner is at it."""
    requested = f"Kernel {kernel}: kernel requested"
    before = server.said.count(requested)
    asked = asyncio.ensure_future(server.call("POST", f"/api/kernels/{kernel}/restart"))
    await until(lambda: server.said.count(requested) > before)
    return asked


@pytest.mark.parametrize("leaves", [pytest.param(False, marks=pytest.mark.full), True])
async def test_a_server_that_is_stopped_while_a_kernel_restarts_ends(
    sandbox: Sandbox, notebooks: Path, on_gateway: Any, leaves: bool
) -> None:
    async with serving(sandbox, notebooks, "--ServerApp.root_dir=notebooks", leaves=leaves) as server:
        kernel = (await opened(server))["kernel"]["id"]
        first = on_gateway()
        sandbox.fault("black-hole", "--compute", "open")
        try:
            asked = await restarting(server, kernel)
            stopping = asyncio.ensure_future(asyncio.to_thread(server.stop, ENDS_WITHIN))
            await until(lambda: "received signal 15" in server.said)
        finally:
            sandbox.fault("--off")
        await stopping
        asked.cancel()
        assert "Traceback" not in server.said
    assert on_gateway() == (first if leaves else set())
    for left in first & on_gateway():
        assert sandbox.json("kernels", "shutdown", left)["link"] == "detached"
