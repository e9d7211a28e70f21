"""``jupyter emr kernels``: what was left behind is listed, adopted, shut down and pruned; what lives is left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.sandbox.jupyter_server import Server, serving
from tests.sandbox.kernels import until
from tests.sandbox.notebooks import write_notebook

pytestmark = pytest.mark.sandbox


@pytest.fixture
def work(sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """A server's folder with notebooks, attached to `open`."""
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("a.ipynb", "b.ipynb", "c.ipynb"):
        write_notebook(folder / name, "emr-python", "1")
    assert sandbox.cli("attach", "open", str(folder)).returncode == 0
    yield folder
    sandbox.cli("detach", str(folder))


async def left_behind(sandbox: Sandbox, work: Path, on_gateway: Any, *names: str) -> list[str]:
    """Return the kernels of notebooks whose server was killed, each in its place; ``kept`` is a variable of each."""
    kernels: list[str] = []
    async with serving(sandbox, work, leaves=True) as server:
        for name in names:
            before = on_gateway()
            await with_variable(server, name)
            kernels += on_gateway() - before
        server.process.kill()
        server.process.wait(10)
    return kernels


async def with_variable(server: Server, name: str) -> str:
    status, session = await server.open_session(name, "emr-python")
    assert status == 201, session
    async with server.channels(session["kernel"]["id"]) as channels:
        await channels.printed("kept = 'here'; print('set')")
    return str(session["id"])


def row_of(sandbox: Sandbox, kernel: str) -> dict[str, Any]:
    (row,) = [one for one in sandbox.json("kernels")["items"] if one["kernel_id"] == kernel]
    return dict(row)


AUTHOR = ("-c", "user.name=Test", "-c", "user.email=test@example.com")


def commit(folder: Path, name: str) -> None:
    """Make the folder a git working tree that knows a notebook."""
    for words in (["init", "-q"], ["add", name], [*AUTHOR, "commit", "-qm", "Add a notebook"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)


def prune(sandbox: Sandbox, *words: str) -> list[str]:
    return [one["kernel_id"] for one in sandbox.json("kernels", "prune", *words)]


@pytest.fixture(autouse=True, scope="module")
def nothing_of_others(sandbox: Sandbox) -> None:
    """Tidy up after the tests of other modules."""
    prune(sandbox, "--yes", "--older-than", "0")


async def test_a_kernel_left_behind_is_adopted_by_another_notebook_or_shut_down(
    sandbox: Sandbox, work: Path, on_gateway: Any
) -> None:
    kernel, other = await left_behind(sandbox, work, on_gateway, "a.ipynb", "c.ipynb")
    row = row_of(sandbox, kernel)
    assert (row["state"], row["link"], row["cause"]) == ("idle", "detached", "process ended")
    assert row["owner"]["alive"] is False

    done = sandbox.cli("kernels", "adopt", kernel[:12], "--path", str(work / "b.ipynb"))
    assert done.returncode == 0, done.stderr
    assert f"{kernel} goes on in {work}/b.ipynb" in done.stdout
    assert row_of(sandbox, kernel)["cause"] == "adopt"
    shutdown_deletes_and_bad_ids_are_told(sandbox, other)
    assert on_gateway() == {kernel}
    async with serving(sandbox, work.parent, f"--ServerApp.root_dir={work.parent}") as server:
        status, session = await server.open_session("work/b.ipynb", "emr-python")
        assert status == 201, session
        async with server.channels(session["kernel"]["id"]) as channels:
            assert await channels.printed("print(kept)") == "here\n"

        refused = sandbox.cli("kernels", "adopt", kernel, "--json")
        assert (refused.returncode, json.loads(refused.stderr)["code"]) == (1, "kernel-in-use")
        refused = sandbox.cli("kernels", "shutdown", kernel, "--json")
        assert (refused.returncode, json.loads(refused.stderr)["code"]) == (1, "kernel-in-use")
        assert prune(sandbox, "--yes", "--older-than", "0") == []
        assert on_gateway() == {kernel}
    assert on_gateway() == set()


def shutdown_deletes_and_bad_ids_are_told(sandbox: Sandbox, kernel: str) -> None:
    """Shut a kernel down that was left behind."""
    for bad in ("nowhere", "", kernel[:3]):
        done = sandbox.cli("kernels", "shutdown", bad)
        assert done.returncode in (1, 2), bad
        assert "Traceback" not in done.stderr
    sandbox.fault("deny:DescribeCluster")
    try:
        done = sandbox.cli("kernels", "shutdown", kernel)
        assert done.returncode == 1
        assert "elasticmapreduce:DescribeCluster" in done.stderr
    finally:
        sandbox.fault("deny", "--off")
    assert row_of(sandbox, kernel)["link"] == "detached"
    done = sandbox.cli("kernels", "shutdown", kernel)
    assert (done.returncode, done.stdout) == (0, f"{kernel} is deleted.\n"), done.stderr
    assert sandbox.cli("kernels", "shutdown", kernel).returncode == 1


async def test_a_kernel_taken_by_force_leaves_its_server_and_nothing_is_started_for_it(
    sandbox: Sandbox, work: Path, on_gateway: Any
) -> None:
    elsewhere = work.parent / "elsewhere"
    elsewhere.mkdir()
    async with serving(sandbox, work) as loser, serving(sandbox, elsewhere, f"--ServerApp.root_dir={work}") as winner:
        await with_variable(loser, "a.ipynb")
        (kernel,) = on_gateway()
        done = sandbox.cli("kernels", "adopt", kernel, "--path", str(work / "b.ipynb"), "--force")
        assert done.returncode == 0, done.stderr
        status, session = await winner.open_session("b.ipynb", "emr-python")
        assert status == 201, session

        async def let_go() -> bool:
            return (await loser.call("GET", "/api/sessions")) == (200, [])

        await until(let_go, wait=60)
        assert "another Jupyter server has it" in loser.said
        async with winner.channels(session["kernel"]["id"]) as channels:
            assert await channels.printed("print(kept)") == "here\n"
        assert on_gateway() == {kernel}
        assert row_of(sandbox, kernel)["link"] == "connected"
    assert on_gateway() == set()


async def test_prune_removes_kernels_whose_notebook_is_gone_after_a_yes(
    sandbox: Sandbox, work: Path, on_gateway: Any
) -> None:
    gone, there = await left_behind(sandbox, work, on_gateway, "a.ipynb", "b.ipynb")
    (work / "a.ipynb").unlink()
    assert prune(sandbox, "--dry-run") == [gone]
    sandbox.fault("deny:DescribeCluster")
    try:
        refused = sandbox.cli("kernels", "prune", "--yes")
        assert (refused.returncode, "cannot be asked now" in refused.stderr) == (1, True)
    finally:
        sandbox.fault("deny", "--off")
    asked = sandbox.cli("kernels", "prune")  # nobody is there to answer
    assert asked.returncode not in (0, 1), asked.stderr
    assert "its notebook is gone" in asked.stdout
    assert sandbox.cli("kernels", "prune", "--json").returncode == 2
    assert on_gateway() == {gone, there}

    assert prune(sandbox, "--yes") == [gone]
    assert on_gateway() == {there}
    assert prune(sandbox, "--yes") == []
    commit(work, "b.ipynb")
    (work / "b.ipynb").unlink()
    kept = sandbox.cli("kernels", "prune", "--yes")
    assert kept.returncode == 0, kept.stderr
    assert "it may be on another branch" in kept.stdout
    assert f"{there} is kept; --absent deletes it too" in kept.stderr
    assert on_gateway() == {there}
    assert prune(sandbox, "--dry-run", "--absent") == [there]
    assert prune(sandbox, "--yes", "--older-than", "0") == [there]
    assert on_gateway() == set()
    assert [one for one in sandbox.json("kernels")["items"] if one["kernel_id"] in (gone, there)] == []


HEADLESS = """
import os, sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="emr-python")
print(manager.provisioner.remote_kernel_id, flush=True)
sys.stdin.readline()
os.kill(os.getpid(), 9)
"""


def test_a_kernel_of_a_killed_process_is_an_orphan_and_of_a_living_one_is_not(
    sandbox: Sandbox, on_gateway: Any
) -> None:
    env = sandbox.env | {"EMR_CONNECT_COMPUTE": "open"}
    command = [sys.executable, "-c", HEADLESS]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        kernel = process.stdout.readline().strip()
        assert prune(sandbox, "--yes", "--older-than", "0") == []
        process.communicate("\n")
    assert on_gateway() == {kernel}
    assert row_of(sandbox, kernel)["link"] == "detached"
    found = sandbox.json("kernels", "prune", "--yes")
    assert [(one["kernel_id"], one["removed"]) for one in found] == [(kernel, True)]
    assert on_gateway() == set()
