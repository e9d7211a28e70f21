"""Starting, watching and ending an engine's process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_emr_connect.errors import SandboxStartError
from jupyter_emr_connect.sandbox.engines.process import Engine, EngineSpec, minimal_environment

pytestmark = pytest.mark.sandbox

ADDRESS = "127.0.40.9"
SERVER = f"""
import http.server, os, sys
server = http.server.HTTPServer(("{ADDRESS}", 0), http.server.SimpleHTTPRequestHandler)
print("warming up", flush=True)
print("port", server.server_port, flush=True)
if os.fork() == 0:
    os.setsid()
server.serve_forever()
"""


def spec(workdir: Path, code: str = SERVER, **fields: Any) -> EngineSpec:
    settings: dict[str, Any] = {"environment": minimal_environment(workdir), "probe": "/", "deadline": 10.0, **fields}
    return EngineSpec(
        name="server",
        command=(sys.executable, "-c", code),
        workdir=workdir,
        address=ADDRESS,
        listening=re.compile(r"^port (\d+)$", re.MULTILINE),
        **settings,
    )


def below(engine: Engine) -> list[int]:
    return [process.pid for process in engine.processes()]


async def gone(pids: list[int]) -> bool:
    for _ in range(100):
        if not any(psutil.pid_exists(pid) for pid in pids):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_started_engine_answers_and_stop_ends_every_process(tmp_path: Path) -> None:
    exits: list[Engine] = []
    engine = Engine(spec(tmp_path), on_exit=exits.append)
    await engine.start()
    pids = below(engine)
    assert len(pids) == 3
    assert engine.url == f"http://{ADDRESS}:{engine.port}"
    assert engine.running
    assert 0 < engine.started_in < 60
    assert 10 < engine.rss_mb() < 200
    await engine.stop()
    await engine.stop()
    assert await gone(pids)
    assert not engine.running
    assert engine.rss_mb() == 0
    assert exits == []


async def test_an_unexpected_exit_is_told_once_and_leaves_nothing(tmp_path: Path) -> None:
    told: asyncio.Queue[Engine] = asyncio.Queue()
    engine = Engine(spec(tmp_path), on_exit=told.put_nowait)
    await engine.start()
    pids = below(engine)
    os.kill(pids[1], signal.SIGKILL)
    assert await asyncio.wait_for(told.get(), 10) is engine
    assert await gone(pids)
    assert told.empty()


async def test_an_engine_that_ends_while_starting_shows_its_last_words(tmp_path: Path) -> None:
    engine = Engine(spec(tmp_path, "print('address already in use'); raise SystemExit(1)"))
    with pytest.raises(SandboxStartError, match="server ended while starting") as caught:
        await engine.start()
    assert "address already in use" in caught.value.message
    assert str(engine.log_file) in caught.value.fix


async def test_an_engine_that_never_answers_is_ended_at_its_deadline(tmp_path: Path) -> None:
    engine = Engine(spec(tmp_path, "import time; print('port 9', flush=True); time.sleep(300)", deadline=1.0))
    with pytest.raises(SandboxStartError, match="did not answer within 1 s"):
        await engine.start()
    assert not engine.running
    assert below(engine) == []


async def test_a_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    engine = Engine(spec(tmp_path, "import time; time.sleep(300)"))
    task = asyncio.create_task(engine.start())
    await asyncio.sleep(0.5)
    pids = below(engine)
    assert len(pids) == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(pids)


async def test_last_words_are_of_this_run_only(tmp_path: Path) -> None:
    (tmp_path / "server.log").write_text("port 1\nan older run\n", encoding="utf-8")
    engine = Engine(spec(tmp_path))
    await engine.start()
    assert engine.port > 1
    assert "older run" not in engine.tail()
    await engine.stop()


async def test_a_stop_that_is_not_obeyed_is_enforced(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
    engine = Engine(spec(tmp_path, deaf))
    await engine.start()
    pids = below(engine)
    await engine.stop()
    assert await gone(pids)


async def test_a_command_that_is_missing_is_named(tmp_path: Path) -> None:
    fields = spec(tmp_path).__dict__ | {"command": ("/nowhere/java",)}
    with pytest.raises(SandboxStartError, match="/nowhere/java: No such file or directory"):
        await Engine(EngineSpec(**fields)).start()


def test_children_inherit_nothing_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "JUPYTER_TOKEN", "HTTPS_PROXY", "https_proxy", "PYTHONPATH", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "private")
    environment = minimal_environment(tmp_path)
    assert "private" not in environment.values()
    assert set(environment) <= {"PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR"}
    assert environment["HOME"] == str(tmp_path)


def test_a_secret_is_not_in_the_specs_text(tmp_path: Path) -> None:
    shown = repr(spec(tmp_path, stdin=b"confidential", headers={"Authorization": "token confidential"}))
    assert "confidential" not in shown
