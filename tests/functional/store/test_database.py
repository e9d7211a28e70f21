"""The state file: what it keeps, and many users at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_emr_connect.models import Attachment, KernelRecord
from jupyter_emr_connect.store.attachments import AttachmentStore
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "emr-connect" / "state.sqlite"


def kernel(number: int) -> KernelRecord:
    return KernelRecord(
        f"k{number}", "j-1", "emr-pyspark", "https://h:18888", started_at=f"2026-01-01T00:00:{number:02}"
    )


def test_attachments_are_kept_by_path(path):
    store = AttachmentStore(Database(path))
    made = store.put(Attachment("j-1", "arn:role", "gateway", path="/w/a.ipynb", profile="p", region="r"))
    again = AttachmentStore(Database(path))
    assert again.at("/w/a.ipynb") == made
    assert again.get(made.id) == made
    assert again.all() == [made]
    assert again.remove("/w/a.ipynb")
    assert not again.remove("/w/a.ipynb")


def test_attachments_of_several_paths_come_in_the_order_asked_for(path):
    store = AttachmentStore(Database(path))
    for place, compute in (("/", "root"), ("/w", "w"), ("/w/x", "x"), ("/w/xy", "xy")):
        store.put(Attachment(compute, path=place))
    assert [one.compute for one in store.at_any(["/w/x/y", "/w/x", "/w", "/"])] == ["x", "w", "root"]
    assert [one.compute for one in store.at_any(["/", "/w/xy"])] == ["root", "xy"]
    assert store.at_any([]) == []


def test_paths_are_only_data(path):
    store = AttachmentStore(Database(path))
    odd = "/w/'; DROP TABLE attachments; --/naïve %_\n.ipynb"
    store.put(Attachment("j-1", path=odd))
    assert store.at_any([odd])
    assert store.at_any(["/w/' OR '1'='1"]) == []


def test_roles_used_latest_first(path):
    store = AttachmentStore(Database(path))
    store.remember_role("j-1", "arn:b")
    store.remember_role("j-2", "arn:a")
    store.remember_role("j-1", "arn:b")
    assert set(store.roles_used()) == {"arn:a", "arn:b"}
    assert store.roles_used("j-1") == ["arn:b"]


def test_the_ledger(path):
    ledger = Ledger(Database(path))
    for number in (1, 2):
        ledger.add(kernel(number))
    ledger.update("k1", state="connected")
    ledger.update("unknown", state="gone")
    assert [(one.kernel_id, one.state) for one in ledger.all()] == [("k2", "starting"), ("k1", "connected")]
    ledger.remove("k2")
    assert ledger.get("k2") is None
    assert ledger.get("k1") is not None


def test_modes_are_the_users_alone(path):
    Ledger(Database(path)).add(kernel(1))
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_many_threads_lose_nothing(path):
    def work(start: int) -> None:
        ledger = Ledger(Database(path))
        for number in range(start, start + 20):
            ledger.add(kernel(number))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 160, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Ledger(Database(path)).all()) == 160


WRITER = """
import sys
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
ledger = Ledger(Database(sys.argv[1]))
for number in range(25):
    ledger.add(KernelRecord(f"{sys.argv[2]}-{number}", "j", "emr-python", "u"))
"""


@pytest.mark.slow
def test_many_processes_start_on_no_file_and_lose_nothing(path):
    started = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(n)]) for n in range(4)]
    assert [process.wait(60) for process in started] == [0] * 4
    assert len(Ledger(Database(path)).all()) == 100


def test_a_failed_transaction_changes_nothing(path):
    database = Database(path)
    ledger = Ledger(database)
    ledger.add(kernel(1))

    def fail_half_way() -> None:
        with database.transaction() as connection:
            connection.execute("DELETE FROM kernels")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert len(ledger.all()) == 1


def test_a_file_that_becomes_wal_elsewhere_is_waited_for(path):
    """SQLite itself does not wait for the others when it changes the journal's mode."""
    path.parent.mkdir()
    path.touch(0o600)
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.3, holder.rollback)
    later.start()
    Ledger(Database(path)).add(kernel(1))
    later.join()
    holder.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_using_the_file_leaves_other_threads_their_locks(path):
    """POSIX drops a process's locks on a file when it closes any descriptor of it; others would then delete the WAL."""
    Ledger(Database(path)).add(kernel(1))
    with closing(sqlite3.connect(path)) as held:
        held.execute("SELECT * FROM kernels").fetchall()
        wal = Path(f"{path}-wal").stat().st_ino
        thread = threading.Thread(target=Ledger(Database(path)).add, args=(kernel(2),))
        thread.start()
        thread.join()
        subprocess.run([sys.executable, "-c", WRITER, str(path), "other"], check=True, timeout=60)
        assert Path(f"{path}-wal").stat().st_ino == wal
        assert held.execute("SELECT count(*) FROM kernels").fetchone()[0] == 27


MIXED = """
import sys
from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.store.attachments import AttachmentStore
from jupyter_emr_connect.store.database import Database
name = sys.argv[2]
for number in range(30):
    store = AttachmentStore(Database(sys.argv[1]))
    made = store.put(Attachment("j-1", path=f"/w/{name}/{number}"))
    assert store.get(made.id) == made
    store.move(f"/w/{name}/{number}", f"/w/{name}/moved-{number}")
    if number % 3 == 0:
        assert store.remove(f"/w/{name}/moved-{number}")
"""


@pytest.mark.slow
def test_two_servers_on_one_store_lose_nothing(path):
    started = [subprocess.Popen([sys.executable, "-c", MIXED, str(path), name]) for name in ("a", "b")]
    assert [process.wait(60) for process in started] == [0, 0]
    kept = {one.path for one in AttachmentStore(Database(path)).all()}
    assert kept == {f"/w/{name}/moved-{number}" for name in ("a", "b") for number in range(30) if number % 3}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_moved_folder_takes_along_what_is_below_it(path):
    store = AttachmentStore(Database(path))
    for place in ("/w/a", "/w/a/n.ipynb", "/w/ab", "/v/n.ipynb"):
        store.put(Attachment(place, path=place, created_at="2026-11-01T00:00:00+00:00"))
    assert store.move("/w/a", "/v") == 2
    assert {one.compute: one.path for one in store.all()} == {
        "/w/a": "/v",
        "/w/a/n.ipynb": "/v/n.ipynb",
        "/w/ab": "/w/ab",
    }
    assert [one.path for one in store.below("/v")] == ["/v", "/v/n.ipynb"]


def test_what_was_just_stored_for_the_new_name_is_newer_than_what_the_old_one_had(path):
    """A notebook is attached anew and renamed at the same time: the attachment was faster than who follows renames."""
    store = AttachmentStore(Database(path))
    store.put(Attachment("former", path="/a.ipynb", created_at="2026-11-01T00:00:00+00:00"))
    store.put(Attachment("new", path="/b.ipynb"))
    store.move("/a.ipynb", "/b.ipynb")
    assert [(one.compute, one.path) for one in store.all()] == [("new", "/b.ipynb")]


def test_a_changed_attachment_stays_where_it_is_by_now(path):
    store = AttachmentStore(Database(path))
    made = store.put(Attachment("j-1", path="/a.ipynb"))
    store.move("/a.ipynb", "/b.ipynb")
    changed = store.change(replace(made, compute="j-2"))
    assert changed == replace(made, compute="j-2", path="/b.ipynb")
    assert store.all() == [changed]
    assert store.change(replace(made, id="ended")) is None
