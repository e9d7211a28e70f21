"""The ledger of kernels: owners, claims that exactly one wins, what becomes of a kernel, and older and newer files."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_emr_connect.errors import StoreError
from jupyter_emr_connect.models import KernelRecord, Owner
from jupyter_emr_connect.services.kernels.processes import is_alive, lives, this_process
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from jupyter_emr_connect.store.migrations import MIGRATIONS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
def ledger(path: Path) -> Ledger:
    return Ledger(Database(path))


def kernel(number: int = 1, **values) -> KernelRecord:
    known = {"started_at": f"2026-01-01T00:00:{number:02}+00:00", "path": "/w/n.ipynb", "persistent": True}
    return KernelRecord(f"k{number}", "j-1", "emr-pyspark", "https://h:18888", **(known | values))


def owner(name: str) -> Owner:
    return replace(this_process(), id=name)


def nobody(_: Owner) -> bool:
    return False


def anything(_: KernelRecord) -> bool:
    return True


def test_a_kernel_has_the_owner_that_entered_it(ledger):
    ledger.add(kernel(local_id="l1", session_id="s1", root="/w"), owner("a"))
    found = ledger.get("k1")
    assert (found.owner_id, found.local_id, found.session_id, found.persistent) == ("a", "l1", "s1", True)
    assert ledger.owners()["a"].pid == os.getpid()
    assert ledger.claim(anything, owner("b"), lives) is None


def test_a_kernel_whose_process_is_dead_is_claimed_once(ledger):
    ledger.add(kernel(state="connected", local_id="l1"), owner("a"))
    found = ledger.claim(anything, owner("b"), nobody, local_id="l2", root="/r")
    assert (found.state, found.owner_id, found.local_id, found.root) == ("connected", "b", "l2", "/r")
    assert ledger.get("k1") == found
    assert ledger.claim(anything, owner("b"), nobody) is None  # it is b's own


def test_the_one_asked_for_comes_first_then_the_latest(ledger):
    for number in (1, 2, 3):
        ledger.add(kernel(number))
    ledger.offer("k1", lives, path="/w/other.ipynb")
    order = [ledger.claim(anything, owner("a"), lives).kernel_id for _ in range(3)]
    assert order == ["k1", "k3", "k2"]
    assert ledger.get("k1").path == "/w/other.ipynb"
    assert not ledger.get("k1").wanted


def test_a_kernel_in_use_is_offered_by_force_alone(ledger):
    ledger.add(kernel(state="connected"), owner("a"))
    assert ledger.offer("k1", lives).id == "a"
    assert ledger.get("k1").state == "connected"
    assert ledger.offer("k1", lives, force=True) is None
    assert ledger.beat(owner("a")) == set()
    assert (ledger.get("k1").state, ledger.get("k1").wanted) == ("detached", True)


def test_only_its_owner_releases_a_kernel_or_ends_it(ledger):
    ledger.add(kernel(state="connected"), owner("a"))
    assert not ledger.release("k1", "b", cause="c", reason="r")
    ledger.end("k1", "b", cause="c", reason="r")
    assert ledger.get("k1").state == "connected"
    assert ledger.release("k1", "a", cause="server stopped", reason="It was.", persistent=False)
    found = ledger.get("k1")
    assert (found.state, found.cause, found.reason, found.persistent) == (
        "detached",
        "server stopped",
        "It was.",
        False,
    )


def test_since_is_when_the_state_became_so(ledger):
    ledger.add(kernel(state="connected", since="2026-01-01T00:00:00+00:00"))
    ledger.update("k1", state="connected", cause="again", reason="")
    assert ledger.get("k1").since == "2026-01-01T00:00:00+00:00"
    ledger.update("k1", state="reconnecting", cause="network", reason="The connection was lost.")
    assert ledger.get("k1").since > "2026-01-01T00:00:00+00:00"


def test_what_is_gone_is_shown_for_a_day(ledger):
    ledger.add(kernel(1, state="gone", since="2026-01-01T00:00:00+00:00"))
    ledger.add(kernel(2), owner("a"))
    ledger.end("k2", "a", cause="culled", reason="It was idle.")
    ledger.add(kernel(3))
    assert {one.kernel_id: one.state for one in ledger.all()} == {"k2": "gone", "k3": "starting"}


def test_a_heartbeat_tells_what_is_still_ours_and_forgets_owners_without_kernels(ledger):
    ledger.add(kernel(1), owner("a"))
    ledger.add(kernel(2), owner("b"))
    ledger.beat(owner("idle"))
    assert ledger.beat(replace(owner("a"), heartbeat_at=5.0)) == {"k1"}
    assert set(ledger.owners()) == {"a", "b"}
    assert ledger.owners()["a"].heartbeat_at == 5.0


def test_kernels_follow_their_notebook(ledger):
    for number, place in ((1, "/w/n.ipynb"), (2, "/w/deep/n.ipynb"), (3, "/w2/n.ipynb"), (4, None)):
        ledger.add(kernel(number, path=place))
    assert ledger.move("/w", "/new %_") == 2
    places = [one.path for one in ledger.all()]
    assert places == [None, "/w2/n.ipynb", "/new %_/deep/n.ipynb", "/new %_/n.ipynb"]


def test_of_many_threads_that_want_a_kernel_one_gets_it(ledger, path):
    ledger.add(kernel())
    won: list[str] = []

    def want(name: str) -> None:
        if Ledger(Database(path)).claim(anything, owner(name), lives):
            won.append(name)

    threads = [threading.Thread(target=want, args=(f"o{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert ledger.get("k1").owner_id == won[0]


# The processes behind owners


def test_a_process_lives_until_it_ends_even_unwaited_for():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        other = replace(this_process(), pid=process.pid, process_started=_started(process.pid), heartbeat_at=0.0)
        assert lives(other)
        assert not lives(replace(other, process_started="1"))  # its pid is another process's by now
        process.send_signal(signal.SIGKILL)
        end = time.monotonic() + 20
        while lives(other):  # a zombie, since nobody has waited for it
            assert time.monotonic() < end
            time.sleep(0.02)


def _started(pid: int) -> str:
    from jupyter_emr_connect.services.kernels.processes import started

    found = started(pid)
    assert found
    return found


@pytest.mark.parametrize("place", [{"host": "other"}, {"machine": "another boot or container"}])
def test_from_a_process_elsewhere_nothing_is_taken_by_what_its_clock_says(place):
    elsewhere = replace(this_process(), id=str(place), pid=1, process_started="0", heartbeat_at=0.0, **place)
    assert lives(elsewhere)
    assert is_alive(elsewhere) is None  # it must be watched first
    assert is_alive(replace(elsewhere, heartbeat_at=-1.0)) is True


# The file


HALF = """
import os, sys
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.services.kernels.processes import this_process
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
database = Database(sys.argv[1])
record = KernelRecord("k1", "j-1", "emr-python", "u", persistent=True)
if sys.argv[2] == "written":
    Ledger(database).add(record, this_process())
with database.transaction() as connection:
    connection.execute("UPDATE kernels SET owner_id = 'nobody'")
    connection.execute("INSERT INTO owners VALUES ('half', 'h', 'm', 1, '1', 0)")
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("before", ["written", "empty"])
def test_a_process_killed_in_the_middle_of_writing_leaves_what_was_before(ledger, path, before):
    done = subprocess.run([sys.executable, "-c", HALF, str(path), before], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert "half" not in ledger.owners()
    found = ledger.claim(anything, owner("next"), lives)
    assert (found is not None) is (before == "written")


def test_a_newer_ledger_is_left_alone(ledger, path):
    ledger.add(kernel(), owner("a"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="newer"):
        ledger.claim(anything, owner("b"), nobody)


def test_a_locked_ledger_is_said_to_be(ledger, path):
    ledger.add(kernel(), owner("a"))
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        impatient = Ledger(Database(path, busy_seconds=0.1))
        with pytest.raises(StoreError, match="locked by another process"):
            impatient.claim(anything, owner("b"), nobody)
        assert impatient.get("k1").owner_id == "a"  # readers wait for nobody
