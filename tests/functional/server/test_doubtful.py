"""Kernels that another machine may have: shown as starting, and waited for by those who want them alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.server.kernels.doubtful import DoubtfulKernels
from jupyter_emr_connect.server.kernels.waiting import Waiting
from jupyter_emr_connect.services.kernels.processes import this_process
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger

LOCAL, SESSION = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
RECORD = KernelRecord(
    "k1",
    "j-1",
    "emr-python",
    "u",
    local_id=LOCAL,
    jupyter_session=SESSION,
    jupyter_path="work/a.ipynb",
    jupyter_type="notebook",
)


@pytest.fixture
def doubtful(jp_serverapp: Any, cloud: Any) -> DoubtfulKernels:
    """What a server says of the one kernel of ``work/a.ipynb``."""
    kernels = DoubtfulKernels(jp_serverapp)
    kernels.tell([RECORD])
    return kernels


async def test_a_doubtful_kernel_and_its_session_are_shown_at_once_as_starting(doubtful: Any, jp_fetch: Any) -> None:
    model = json.loads((await jp_fetch("api", "kernels", LOCAL)).body)
    assert (model["id"], model["name"], model["execution_state"]) == (LOCAL, "emr-python", "starting")
    assert "heartbeat" in model["reason"]
    assert json.loads((await jp_fetch("api", "kernels")).body) == [model]
    session = json.loads((await jp_fetch("api", "sessions", SESSION)).body)
    assert (session["id"], session["path"], session["type"], session["kernel"]) == (
        SESSION,
        "work/a.ipynb",
        "notebook",
        model,
    )
    assert json.loads((await jp_fetch("api", "sessions")).body) == [session]


@pytest.fixture
def left(jp_root_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelRecord:
    """A kernel of a computer that is silent; its first session was not noted yet, as in a server's first seconds."""
    monkeypatch.setattr("jupyter_emr_connect.services.kernels.processes.STALE_AFTER_S", 3600.0)
    file = jp_root_dir / "work" / "a.ipynb"
    file.parent.mkdir()
    file.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    record = replace(RECORD, path=str(file), persistent=True, jupyter_session=None, jupyter_path=None)
    owner = replace(this_process(), id="far", host="another computer")
    (tmp_path / "state").mkdir()
    return Ledger(Database(str(tmp_path / "state" / "state.sqlite"))).add(record, owner)


async def test_a_server_that_starts_answers_while_it_watches_another_machine(
    left: KernelRecord, jp_serverapp: Any, jp_fetch: Any, cloud: Any
) -> None:
    model = json.loads((await jp_fetch("api", "kernels", LOCAL)).body)
    assert (model["id"], model["execution_state"]) == (LOCAL, "starting")
    assert json.loads((await jp_fetch("api", "sessions")).body) == []
    sent = {"path": "work/a.ipynb", "name": "a.ipynb", "type": "notebook", "kernel": {"name": "emr-python"}}
    opening = asyncio.ensure_future(jp_fetch("api", "sessions", method="POST", body=json.dumps(sent)))
    sent["path"] = sent["name"] = "b.ipynb"
    with pytest.raises(HTTPClientError, match="501"):  # at once: there is no such kernelspec here
        await jp_fetch("api", "sessions", method="POST", body=json.dumps(sent))
    assert not opening.done()
    Ledger(Database(jp_serverapp.web_app.settings["emr_connect"].state_file)).remove(left.kernel_id)
    with pytest.raises(HTTPClientError, match="501"):
        await opening


async def test_one_that_another_machine_has_is_shown_no_more(doubtful: Any, jp_fetch: Any) -> None:
    doubtful.tell([])
    assert json.loads((await jp_fetch("api", "kernels")).body) == []
    assert json.loads((await jp_fetch("api", "sessions")).body) == []
    for route in (("kernels", LOCAL), ("sessions", SESSION)):
        with pytest.raises(HTTPClientError, match="404"):
            await jp_fetch("api", *route)


@pytest.mark.slow
async def test_its_notebook_waits_for_what_becomes_of_it_and_no_other_does(
    doubtful: Any, jp_fetch: Any, jp_serverapp: Any, small: str
) -> None:
    def opened(name: str) -> asyncio.Future[Any]:
        sent = {"path": f"work/{name}", "name": name, "type": "notebook", "kernel": {"name": small}}
        return asyncio.ensure_future(jp_fetch("api", "sessions", method="POST", body=json.dumps(sent)))

    same = opened("a.ipynb")
    other = json.loads((await opened("b.ipynb")).body)
    assert not same.done()
    # It is ours after all, and is brought back under its former ids.
    assert not await doubtful.exists("work/a.ipynb")
    kernels, sessions = jp_serverapp.kernel_manager, jp_serverapp.session_manager
    await kernels.start_kernel(kernel_name=small, kernel_id=LOCAL)
    await sessions.save_session(SESSION, path="work/a.ipynb", name="a.ipynb", type="notebook", kernel_id=LOCAL)
    assert {row["id"] for row in json.loads((await jp_fetch("api", "kernels")).body)} == {LOCAL, other["kernel"]["id"]}
    doubtful.tell([])
    found = json.loads((await same).body)
    assert (found["id"], found["kernel"]["id"]) == (SESSION, LOCAL)


async def test_what_can_only_be_done_with_the_kernel_waits(doubtful: Any, jp_serverapp: Any, jp_fetch: Any) -> None:
    waiting = Waiting(jp_serverapp.web_app, jp_serverapp.base_url)
    listed = asyncio.ensure_future(jp_fetch("api", "kernels"))
    waits = [
        asyncio.ensure_future(jp_fetch("api", "kernels", LOCAL, method="DELETE")),
        asyncio.ensure_future(jp_fetch("api", "kernels", LOCAL, "interrupt", method="POST", body="")),
        asyncio.ensure_future(jp_fetch("api", "sessions", SESSION, method="DELETE")),
    ]
    await asyncio.sleep(0.2)
    assert not listed.done()
    waiting.only_for(doubtful.concern)
    assert (await listed).code == 200
    assert (await jp_fetch("api", "kernels", LOCAL)).code == 200
    assert not any(wait.done() for wait in waits)
    doubtful.tell([])
    waiting.end()
    for wait in waits:
        with pytest.raises(HTTPClientError, match="404"):
            await wait
