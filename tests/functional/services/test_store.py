"""The state file: what it keeps, many users at once, and files that cannot be used (nothing is ever destroyed)."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from jupyter_emr_connect.errors import StoreError
from jupyter_emr_connect.models import Attachment, KernelRecord
from jupyter_emr_connect.store.attachments import AttachmentStore
from jupyter_emr_connect.store.database import MIGRATIONS, Database
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


def test_nearest_is_the_deepest_folder_above(path):
    store = AttachmentStore(Database(path))
    for place, compute in (("/", "root"), ("/w", "w"), ("/w/x", "x"), ("/w/xy", "xy")):
        store.put(Attachment(compute, path=place))
    found = {place: store.nearest(place).compute for place in ("/w/x/y/z.ipynb", "/w/xy.ipynb", "/w/xy", "/o/n.ipynb")}
    assert found == {"/w/x/y/z.ipynb": "x", "/w/xy.ipynb": "w", "/w/xy": "xy", "/o/n.ipynb": "root"}


def test_paths_are_only_data(path):
    store = AttachmentStore(Database(path))
    odd = "/w/'; DROP TABLE attachments; --/naïve %_\n.ipynb"
    store.put(Attachment("j-1", path=odd))
    assert store.nearest(odd) is not None
    assert store.nearest("/w/' OR '1'='1") is None


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


def test_a_newer_version_is_refused_and_kept(path):
    Ledger(Database(path)).add(kernel(1))
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer") as caught:
        Ledger(Database(path)).all()
    assert "Upgrade" in caught.value.fix
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database at all " * 50, b"SQLite format 3\x00" + b"\xff" * 4000])
def test_a_damaged_file_is_refused_and_kept(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged") as caught:
        AttachmentStore(Database(path)).all()
    assert "Move it away" in caught.value.fix
    assert path.read_bytes() == content


def test_a_locked_file_says_so(path):
    Ledger(Database(path)).add(kernel(1))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(StoreError, match="locked"):
            Ledger(Database(path, busy_seconds=0.1)).add(kernel(2))
    finally:
        holder.close()
    Ledger(Database(path)).add(kernel(2))


def test_a_folder_in_its_place_says_so(path):
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be"):
        Ledger(Database(path)).all()


READ_ONLY = """
import os, sys
from jupyter_emr_connect.errors import StoreError
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
if os.geteuid() == 0:  # root may write everywhere
    os.setuid(65534)
try:
    Ledger(Database(sys.argv[1])).all()
except StoreError as error:
    sys.exit(error.message)
"""


def test_a_folder_that_may_not_be_written_to_says_so():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folder is closed to other users
        locked = Path(folder) / "locked"  # a word that SQLite uses for something else
        locked.mkdir()
        locked.chmod(0o555)
        Path(folder).chmod(0o755)
        state = str(locked / "emr-connect" / "state.sqlite")
        done = subprocess.run([sys.executable, "-c", READ_ONLY, state], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"{state} cannot be written" in done.stderr


def test_a_file_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(StoreError) as caught:
        Ledger(Database("/proc/emr-connect/state.sqlite")).all()
    assert caught.value.fix
