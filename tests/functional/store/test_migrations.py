"""State files of earlier versions: opened by this one with all that is in them, or left as they are."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import StoreError
from jupyter_emr_connect.models import Attachment, Compute, KernelRecord
from jupyter_emr_connect.services.attachments.location import KernelLocation
from jupyter_emr_connect.services.attachments.resolution import resolve
from jupyter_emr_connect.services.kernels.claims import claim_left
from jupyter_emr_connect.services.kernels.listing import adopt, list_kernels
from jupyter_emr_connect.services.kernels.processes import this_process
from jupyter_emr_connect.store.attachments import AttachmentStore
from jupyter_emr_connect.store.computes import ComputeStore
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.functional.store import schema_3

COMPUTE = Compute("j-1", "ec2", "analytics", "arn", "us-east-1", "123456789012", "WAITING")
NOW = "2026-11-29T10:00:00+00:00"
DEAD = replace(this_process(), id="dead", process_started="never", heartbeat_at=1.0)


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
def ledger(config: EMRConnect, root: Path) -> Ledger:
    """The ledger in a file of schema 3: a kernel whose server was killed, one that was left, and one that is gone."""
    common = {"compute": "j-1", "gateway_url": "https://h:18888", "kernelspec": "emr-pyspark", "started_at": NOW}
    place = {"path": f"{root}/n.ipynb", "profile": "p", "region": "r", "access_role": "arn:access"}
    killed = {
        **common,
        **place,
        "kernel_id": "killed",
        "runtime_role": "arn:role",
        "state": "connected",
        "local_id": "local",
        "session_id": "socket",
        "root": str(root),
        "kept": 1,
        "owner_id": "dead",
        "since": NOW,
        "cause": "started",
        "jupyter_session": "tab",
        "jupyter_path": "n.ipynb",
        "jupyter_type": "notebook",
    }
    left = {**common, "kernel_id": "left", "state": "detached", "path": "/elsewhere/n.ipynb", "kept": 1, "wanted": 1}
    gone = {**common, "kernel_id": "gone", "state": "gone", "cause": "culled", "reason": "It was idle.", "since": NOW}
    attachment = {"path": str(root), "id": "a1", "compute": "j-1", "transport": "gateway", "created_at": NOW}
    roles = [{"compute": "j-1", "role": "arn:role", "used_at": NOW}]
    tables = {"kernels": [killed, left, gone], "owners": [asdict(DEAD)], "attachments": [attachment]}
    schema_3.write(Path(config.state_file), {**tables, "roles_used": roles})
    return Ledger(Database(config.state_file))


def test_kernels_of_the_schema_before_transports_are_those_of_a_gateway(ledger: Ledger, root: Path) -> None:
    assert ledger.get("killed") == KernelRecord(
        "killed",
        "j-1",
        "emr-pyspark",
        "https://h:18888",
        transport="gateway",
        remote_id="killed",
        remote_kind="kernel",
        runtime_role="arn:role",
        path=f"{root}/n.ipynb",
        profile="p",
        region="r",
        access_role="arn:access",
        state="connected",
        started_at=NOW,
        local_id="local",
        session_id="socket",
        root=str(root),
        persistent=True,
        owner_id="dead",
        since=NOW,
        cause="started",
        jupyter_session="tab",
        jupyter_path="n.ipynb",
        jupyter_type="notebook",
    )
    left = ledger.get("left")
    assert left
    assert (left.persistent, left.wanted, left.owner_id) == (True, True, None)
    assert ledger.owners() == {"dead": DEAD}


def test_they_are_claimed_adopted_and_listed(ledger: Ledger, config: EMRConnect, root: Path) -> None:
    (found,), doubtful = claim_left(config, str(root), lambda record: (record.path or "").startswith(f"{root}/"))
    assert (found.kernel_id, found.local_id, found.session_id, doubtful) == ("killed", "local", "socket", [])
    asyncio.run(adopt(config, "left", path=f"{root}/n.ipynb"))
    listed = {row["kernel_id"]: row for row in asyncio.run(list_kernels(config, check=False)).to_json()["items"]}
    assert {key: (row["link"], row["transport"], row["gateway_url"]) for key, row in listed.items()} == {
        "killed": ("connected", "gateway", "https://h:18888"),
        "left": ("detached", "gateway", "https://h:18888"),
        "gone": ("gone", "gateway", "https://h:18888"),
    }
    assert listed["gone"]["reason"] == "It was idle."


def test_attachments_and_used_roles_are_still_there(ledger: Ledger, config: EMRConnect, root: Path) -> None:
    expected = Attachment("j-1", transport="gateway", path=str(root), id="a1", created_at=NOW)
    assert resolve(config, {}, KernelLocation(f"{root}/n.ipynb")) == expected
    assert AttachmentStore(Database(config.state_file)).roles_used("j-1") == ["arn:role"]


def test_the_last_known_list_of_computes_is_still_there(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    row = {"source": "s", "kind": "ec2", "id": "j-1", "body": json.dumps(asdict(COMPUTE)), "described_at": 4.0}
    schema_3.write(path, {"compute_lists": [{"source": "s", "kind": "ec2", "listed_at": 5.0}], "computes": [row]})
    assert ComputeStore(Database(path)).load("s", "ec2") == (5.0, [(COMPUTE, 4.0)])


ADD = """
import sys
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
Ledger(Database(sys.argv[1])).add(KernelRecord(sys.argv[2], "j-1", "emr-python", None))
"""


@pytest.mark.slow
def test_processes_that_open_an_old_file_at_once_migrate_it_once(ledger: Ledger, config: EMRConnect) -> None:
    command = [sys.executable, "-c", ADD, config.state_file]
    processes = [subprocess.Popen([*command, f"new {number}"]) for number in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    ids = {record.kernel_id for record in ledger.all()}
    assert ids >= {"killed", "left", *(f"new {number}" for number in range(4))}


def test_a_migration_that_fails_changes_nothing(ledger: Ledger, config: EMRConnect) -> None:
    with closing(sqlite3.connect(config.state_file)) as connection:
        connection.execute("ALTER TABLE kernels RENAME COLUMN kept TO of_nobody_known")
        before = connection.execute("SELECT * FROM kernels").fetchall()
    with pytest.raises(StoreError, match="cannot be used"):
        ledger.all()
    with closing(sqlite3.connect(config.state_file)) as connection:
        assert connection.execute("SELECT * FROM kernels").fetchall() == before
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 3


def test_a_kernel_of_the_second_schema_has_no_owner(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    schema_3.write(path, {})
    with closing(sqlite3.connect(path)) as old:
        old.execute("DROP TABLE owners")
        for column in ("local_id", "session_id", "root", "kept", "wanted", "owner_id", "since", "cause", "reason"):
            old.execute(f"ALTER TABLE kernels DROP COLUMN {column}")
        for column in ("jupyter_session", "jupyter_path", "jupyter_type"):
            old.execute(f"ALTER TABLE kernels DROP COLUMN {column}")
        old.execute(
            "INSERT INTO kernels (kernel_id, compute, kernelspec, gateway_url, path, state, started_at) "
            "VALUES ('k1', 'j-1', 'emr-python', 'u', '/w/n.ipynb', 'connected', '2026-01-01T00:00:00+00:00')"
        )
        old.execute("PRAGMA user_version = 2")
        old.commit()
    (found,) = Ledger(Database(path)).all()
    assert (found.kernel_id, found.persistent, found.owner_id, found.since) == ("k1", False, None, None)
