"""A kernel's row in the ledger: what is written down last is what stands there."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import pytest

from jupyter_emr_connect.models import KernelRecord, Owner
from jupyter_emr_connect.provisioning.ledger_entry import LedgerEntry
from jupyter_emr_connect.services.kernels.ownership import ownership
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger


class SlowLedger(Ledger):
    """One on a busy disk."""

    def add(self, record: KernelRecord, owner: Owner | None = None) -> KernelRecord:
        time.sleep(0.3)
        return super().add(record, owner)


async def test_a_start_that_is_cancelled_while_it_is_entered_leaves_no_row(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "state.sqlite"))
    ledger = SlowLedger(database)
    record = KernelRecord("k1", "j-1", "emr-python", "http://h:1")
    entry = LedgerEntry(record, ledger, ownership(str(database.path)), logging.getLogger(__name__))
    adding = asyncio.ensure_future(entry.add())
    await asyncio.sleep(0.1)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert [one.kernel_id for one in ledger.all()] == ["k1"]
    await entry.delete()
    assert ledger.all() == []


async def test_a_kernel_starts_without_a_ledger_and_is_not_taken_for_another_processs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "in-the-way").write_text("")
    database = Database(str(tmp_path / "in-the-way" / "state.sqlite"))
    record = KernelRecord("k1", "j-1", "emr-python", "http://h:1", persistent=True)
    owned = ownership(str(database.path))
    entry = LedgerEntry(record, Ledger(database), owned, logging.getLogger(__name__))
    await entry.add()
    assert not entry.entered
    assert "k1 is in no ledger" in caplog.text
    entry.start_heartbeat(lambda: pytest.fail("nobody has taken it"))
    assert "k1" not in owned._on_taken
    assert await entry.is_ours()
