"""Which kernels a server that starts takes: those of its folder that are there and that nobody has."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.services.kernels.claims import claim, claim_left, let_go
from jupyter_emr_connect.services.kernels.ownership import ownership
from jupyter_emr_connect.services.kernels.processes import STALE_AFTER_S, Heartbeats, this_process
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger


class Clock:
    """One that stands still until a test moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "n.ipynb").write_text("{}")
    return folder


@pytest.fixture
def config(tmp_path: Path) -> EMRConnect:
    return EMRConnect(state_file=str(tmp_path / "state.sqlite"))


@pytest.fixture
def ledger(config: EMRConnect) -> Ledger:
    return Ledger(Database(config.state_file))


def claimed(config: EMRConnect, root: Path) -> tuple[list[str], bool]:
    found, doubtful = claim_left(config, str(root), lambda record: (record.path or "").startswith(f"{root}/"))
    return [one.kernel_id for one in found], bool(doubtful)


def kernel(folder: Path, name: str = "k1", **values) -> KernelRecord:
    known = {"path": f"{folder}/n.ipynb", "persistent": True, "local_id": f"local {name}", "state": "detached"}
    return KernelRecord(name, "j-1", "emr-python", "u", **(known | values))


def test_a_kernel_of_a_notebook_that_is_there_is_claimed_once(config, root, ledger):
    ledger.add(kernel(root))
    assert claimed(config, root) == (["k1"], False)
    assert claimed(config, root) == ([], False)
    let_go(config, ledger.get("k1"), "It would not start.")
    assert (ledger.get("k1").owner_id, ledger.get("k1").cause) == (None, "not restored")
    assert claimed(config, root) == (["k1"], False)


def test_others_are_left_alone(config, root, ledger):
    ledger.add(kernel(root, "its notebook is gone", path=f"{root}/gone.ipynb"))
    ledger.add(kernel(root, "of another folder", path="/elsewhere/n.ipynb"))
    ledger.add(kernel(root, "gone", state="gone"))
    ledger.add(kernel(root, "of no server", persistent=False))
    ledger.add(kernel(root, "in use"), replace(this_process(), id="another owner in a living process"))
    ledger.add(kernel(root, "a console of another server", path=None, jupyter_type="console", root="/elsewhere"))
    ledger.add(kernel(root, "hidden, of another server", path=None, jupyter_type="notebook", root="/elsewhere"))
    ledger.add(kernel(root, "without a session", path=None, root=str(root)))
    assert claimed(config, root) == ([], False)


def test_a_kernel_whose_front_end_hides_the_notebooks_path_is_its_servers(config, root, ledger):
    ledger.add(kernel(root, path=None, jupyter_type="notebook", root=str(root)))
    assert claimed(config, root) == (["k1"], False)


def test_a_console_comes_back_to_its_own_server(config, root, ledger):
    ledger.add(kernel(root, path=f"{root}/console-1", jupyter_type="console", root=str(root)))
    assert claimed(config, root) == (["k1"], False)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The clock by which heartbeats are watched."""
    clock = Clock()
    monkeypatch.setattr("jupyter_emr_connect.services.kernels.processes._heartbeats", Heartbeats(clock))
    return clock


def test_a_dead_process_here_is_known_at_once_and_one_elsewhere_by_its_silence(config, root, ledger, clock):
    dead = replace(this_process(), id="dead", process_started="never")
    ledger.add(kernel(root, "here", state="connected"), dead)
    elsewhere = replace(this_process(), id="far", host="another computer")
    ledger.add(kernel(root, "there", state="connected"), elsewhere)
    assert claimed(config, root) == (["here"], True)
    clock.now += STALE_AFTER_S / 2
    assert claimed(config, root) == ([], True)
    clock.now += STALE_AFTER_S / 2 + 1
    assert claimed(config, root) == (["there"], False)


def test_one_elsewhere_that_beats_keeps_its_kernels_whatever_its_clock_says(config, root, ledger, clock):
    elsewhere = replace(this_process(), id="far", host="another computer", heartbeat_at=5.0)
    ledger.add(kernel(root, "there", state="connected"), elsewhere)
    assert claimed(config, root) == ([], True)
    for beat in range(6, 10):
        clock.now += STALE_AFTER_S / 2
        ledger.beat(replace(elsewhere, heartbeat_at=float(beat)))
        assert claimed(config, root) == ([], False)


async def test_a_start_waits_until_it_is_known_who_has_the_kernel_that_it_wants(
    config, root, ledger, clock, monkeypatch
):
    monkeypatch.setattr("jupyter_emr_connect.services.kernels.claims.WATCH_EVERY_S", 0.02)
    elsewhere = replace(this_process(), id="far", host="another computer", heartbeat_at=5.0)
    ledger.add(kernel(root, "k1", state="connected"), elsewhere)
    own = ownership(config.state_file)

    def claiming() -> asyncio.Future:
        return asyncio.ensure_future(claim(ledger, own, lambda record: True, local_id="new", root=str(root)))

    first = claiming()
    await asyncio.sleep(0.2)
    assert not first.done()
    ledger.beat(replace(elsewhere, heartbeat_at=6.0))
    assert await asyncio.wait_for(first, 10) is None  # the other one lives, and keeps it
    second = claiming()
    assert await asyncio.wait_for(second, 10) is None
    clock.now += STALE_AFTER_S + 1
    taken = await asyncio.wait_for(claiming(), 10)
    assert (taken.kernel_id, taken.owner_id) == ("k1", own.owner.id)


class SlowLedger(Ledger):
    """One on a busy disk, which says when a claim has begun."""

    begun = threading.Event()

    def claim(self, *args, **values):
        self.begun.set()
        time.sleep(0.3)
        return super().claim(*args, **values)


async def test_a_kernel_claimed_for_a_task_that_is_cancelled_is_free_again(config, root, ledger):
    ledger.add(kernel(root, "k1"))
    ledger.add(kernel(root, "in use"), ownership(config.state_file).present())
    slow = SlowLedger(Database(config.state_file))
    claiming = asyncio.ensure_future(
        claim(slow, ownership(config.state_file), lambda record: True, local_id="new", root=str(root))
    )
    await asyncio.to_thread(slow.begun.wait, 10)
    claiming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claiming
    record = ledger.get("k1")
    assert (record.owner_id, record.state, record.persistent) == (None, "detached", True)
    assert ledger.get("in use").owner_id == ownership(config.state_file).owner.id
    assert claimed(config, root) == (["k1"], False)
