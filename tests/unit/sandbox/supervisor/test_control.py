"""The control client asks the control server over a real socket; what the server does is made up here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_emr_connect.errors import ConfigurationError, SandboxError, SandboxNotRunning
from jupyter_emr_connect.sandbox.state.folder import StateFolder
from jupyter_emr_connect.sandbox.supervisor import control_client
from jupyter_emr_connect.sandbox.supervisor.control_server import ControlServer


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateFolder:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    folder = StateFolder.of("asked")
    folder.create()
    monkeypatch.chdir(folder.path)
    return folder


@pytest.fixture
def bodies(folder: StateFolder) -> Iterator[dict[str, Any]]:
    """A control server whose verbs record the body that they get, by verb, and answer it."""
    received: dict[str, Any] = {}

    def verb(name: str) -> Any:
        async def answer(body: dict[str, Any]) -> Any:
            received[name] = body
            if body.get("compute") == "unknown":
                message = "The sandbox has no compute 'unknown'."
                raise ConfigurationError(message, fix="Name another.")
            if body.get("regions") == ["full"]:
                message = "Full."
                raise SandboxError(message, fix="Start again.")
            return {"verb": name, **body}

        return answer

    loop = asyncio.new_event_loop()
    server = ControlServer({name: verb(name) for name in ("status", "env", "fault", "seed", "log")}, folder.socket)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    lock = folder.lock()
    assert lock is not None
    asyncio.run_coroutine_threadsafe(server.open(), loop).result(10)
    yield received
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
    lock.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_each_function_sends_its_verb_with_what_it_was_given(bodies: dict[str, Any]) -> None:
    assert control_client.status("asked") == {"verb": "status"}
    assert control_client.environment("asked") == {"verb": "env"}
    control_client.log_rows("asked", 7.5)
    control_client.seed("asked", clusters=3, regions=["eu-west-1"])
    control_client.switch_fault("asked", "deny", rate=0.5, seconds=2.0, compute="open", options={"service": "sts"})
    assert bodies["log"] == {"since": 7.5}
    assert bodies["seed"] == {"clusters": 3, "applications": 0, "endpoints": 0, "regions": ["eu-west-1"]}
    assert bodies["fault"] == {
        **{"fault": "deny", "rate": 0.5, "seconds": 2.0, "compute": "open", "off": False},
        "options": {"service": "sts"},
    }


async def test_it_may_be_asked_while_an_event_loop_runs(bodies: dict[str, Any]) -> None:
    assert control_client.status("asked") == {"verb": "status"}
    assert "status" in bodies


@pytest.mark.usefixtures("bodies")
def test_a_refusal_comes_back_as_the_error_that_it_was() -> None:
    with pytest.raises(ConfigurationError, match="no compute 'unknown'") as refused:
        control_client.switch_fault("asked", "slow", compute="unknown")
    assert refused.value.fix == "Name another."
    with pytest.raises(SandboxError, match="Full") as failed:
        control_client.seed("asked", regions=["full"])
    assert not isinstance(failed.value, ConfigurationError)


@pytest.mark.usefixtures("bodies")
def test_a_verb_that_the_sandbox_does_not_know_is_no_answer() -> None:
    with pytest.raises(SandboxError, match="does not answer"):
        control_client.hosts("asked")


def test_a_sandbox_that_does_not_run_is_named(folder: StateFolder) -> None:
    with pytest.raises(SandboxNotRunning, match="No sandbox named 'asked' runs"):
        control_client.status(folder.name)


@pytest.mark.usefixtures("bodies")
def test_a_socket_whose_path_is_long_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / ("long" * 30)
    link.symlink_to(tmp_path)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(link))
    assert control_client.status("asked") == {"verb": "status"}
