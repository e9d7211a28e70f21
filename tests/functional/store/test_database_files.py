"""State files that cannot be used as they are: a clear message, and nothing is ever destroyed."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from jupyter_emr_connect.errors import StoreError
from jupyter_emr_connect.models import Attachment, KernelRecord
from jupyter_emr_connect.store import database
from jupyter_emr_connect.store.attachments import AttachmentStore
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from jupyter_emr_connect.store.migrations import MIGRATIONS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "emr-connect" / "state.sqlite"


def kernel(number: int) -> KernelRecord:
    return KernelRecord(f"k{number}", "j-1", "emr-pyspark", "https://h:18888", started_at="2026-01-01T00:00:00")


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


def test_a_file_that_others_may_read_is_closed_to_them(path):
    Ledger(Database(path)).add(kernel(1))
    path.chmod(0o644)
    assert len(Ledger(Database(path)).all()) == 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_changes_nothing_and_says_so(path):
    database = Database(path)
    store = AttachmentStore(database)
    store.put(Attachment("j-1", path="/w/a.ipynb"))

    def grow() -> None:
        with database.transaction() as connection:
            connection.execute("PRAGMA max_page_count = 1")
            connection.execute("DELETE FROM attachments")
            connection.execute("INSERT INTO roles_used VALUES ('j-1', ?, '')", ("x" * 100_000,))

    with pytest.raises(StoreError, match="full") as caught:
        grow()
    assert "Free some space" in caught.value.fix
    assert [one.path for one in store.all()] == ["/w/a.ipynb"]


def test_a_path_that_is_no_text_is_refused_and_finds_its_folder(path):
    store = AttachmentStore(Database(path))
    kept = store.put(Attachment("j-1", path="/w"))
    odd = "/w/caf\udce9.ipynb"  # Latin-1 bytes, as Python shows them
    assert store.at_any([odd, "/w"]) == [kept]
    with pytest.raises(StoreError, match="not UTF-8"):
        store.put(Attachment("j-1", path=odd))


READ_ONLY = """
import os, sys
import urllib.parse  # which pathlib imports late, when nobody may not read the folder of Python any more
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


def as_somebody_else(state: Path) -> str:
    """Return what a user who is not root is told of a state file; as root, nobody's uid is taken."""
    done = subprocess.run([sys.executable, "-c", READ_ONLY, str(state)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    return done.stderr


@pytest.fixture
def open_folder():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folder is closed to other users
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_folder_that_may_not_be_written_to_says_so(open_folder):
    locked = open_folder / "locked"  # a word that SQLite uses for something else
    locked.mkdir()
    locked.chmod(0o555)
    state = locked / "emr-connect" / "state.sqlite"
    assert f"{state} cannot be written" in as_somebody_else(state)


def test_a_read_only_file_says_so_and_is_kept(open_folder):
    state = open_folder / "state.sqlite"
    Ledger(Database(state)).add(kernel(1))
    before = state.read_bytes()
    state.chmod(0o400)
    if os.geteuid() == 0:
        os.chown(state, 65534, -1)
    open_folder.chmod(0o555)
    assert f"{state} cannot be" in as_somebody_else(state)
    assert state.read_bytes() == before


def test_another_users_file_is_refused_and_kept(path):
    if os.geteuid() == 0:
        Ledger(Database(path)).add(kernel(1))
        path.chmod(0o644)
        os.chown(path, 65534, -1)
    else:
        path = Path("/etc/passwd")
    with pytest.raises(StoreError, match=r"belongs to another user \(uid \d+\)") as caught:
        Ledger(Database(path)).all()
    assert "state_file" in caught.value.fix
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_file_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(StoreError) as caught:
        Ledger(Database("/proc/emr-connect/state.sqlite")).all()
    assert caught.value.fix


@pytest.mark.parametrize("former", [None, "wal"])
def test_on_a_file_system_that_others_use_too_there_is_no_wal(path, monkeypatch, caplog, former):
    if former:
        Ledger(Database(path)).add(kernel(1))
        assert journal_of(path) == "wal"
    monkeypatch.setattr(database, "_prepared", set())
    monkeypatch.setattr(database, "shared_type", lambda path: "nfs4")
    for number in (2, 3):
        Ledger(Database(path)).add(kernel(number))
    assert journal_of(path) == "delete"
    assert not path.with_name(f"{path.name}-wal").exists()
    assert caplog.text.count("EMRConnect.state_file") == 1
    assert "nfs4" in caplog.text


def test_a_machine_that_has_the_disk_itself_leaves_the_journal_to_those_that_have_the_network(
    path, monkeypatch, caplog
):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(database, "shared_type", lambda path: "lustre")
        Ledger(Database(path)).add(kernel(1))
    caplog.clear()
    for kind in (None, "lustre", None):
        monkeypatch.setattr(database, "_prepared", set())
        monkeypatch.setattr(database, "shared_type", lambda path, kind=kind: kind)
        assert [record.kernel_id for record in Ledger(Database(path)).all()] == [kernel(1).kernel_id]
        assert journal_of(path) == "delete"
    assert not caplog.text  # said once, when the file was made


def test_a_file_system_without_locks_is_named_at_once(path, monkeypatch):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    monkeypatch.setattr(database, "shared_type", lambda path: "nfs")
    begin = time.monotonic()
    with pytest.raises(StoreError, match=r"\(nfs\) has no file locks \(No locks available\)") as caught:
        Ledger(Database(path, busy_seconds=90)).all()
    assert time.monotonic() - begin < 30
    assert "EMRConnect.state_file" in caught.value.fix


def journal_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA journal_mode").fetchone()[0]
