"""A kernel that is being brought back: what nobody foresaw is logged, and it is tried again."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.provisioning.adopt import Adopter
from jupyter_emr_connect.provisioning.launchers import Launcher
from jupyter_emr_connect.provisioning.ledger_entry import KernelStatus, LedgerEntry
from jupyter_emr_connect.provisioning.reattachment import Reattachment
from jupyter_emr_connect.services.kernels.ownership import ownership
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger

LOG = logging.getLogger(__name__)


class Clumsy:
    """An adopter that slips at its first attempt, and a launcher that has nothing to do."""

    def __init__(self) -> None:
        self.config = EMRConnect()
        self.attempts = 0
        self.states: list[str] = []

    async def reach(self, entry: LedgerEntry) -> object:
        self.attempts += 1
        if self.attempts == 1:
            text = "a slip as a kernel is brought back"
            raise AttributeError(text)
        return object()

    async def take_up(self, entry: LedgerEntry, connection: object) -> object:
        return SimpleNamespace(entry=entry)

    def status(self, entry: LedgerEntry) -> KernelStatus:
        return KernelStatus(entry, lambda kind, content: None, lambda: None)

    def pause(self, paused: bool) -> None:
        self.states.append("paused" if paused else "reads")


async def test_a_kernel_comes_back_though_an_attempt_failed_unexpectedly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(tmp_path / "state.sqlite")
    owner = ownership(str(database.path))
    record = Ledger(database).add(KernelRecord("k", "j-1", "emr-python", "http://gateway"), owner.present())
    clumsy, back = Clumsy(), []

    async def bring_back() -> Reattachment:
        entry = LedgerEntry(record, Ledger(database), owner, LOG)
        return Reattachment(cast(Adopter, clumsy), entry, cast(Launcher, clumsy), LOG, back.append)

    async def end(entry: Any) -> None:
        entry.stop_heartbeat()

    reattachment = await gateway_loop().call(bring_back())
    assert await asyncio.wait_for(gateway_loop().call(reattachment.settled()), 30)
    assert (clumsy.attempts, len(back), clumsy.states) == (2, 1, ["paused", "reads"])
    assert "a slip as a kernel is brought back" in caplog.text
    await gateway_loop().call(end(reattachment.entry))
