"""The heartbeat of a process that has kernels goes on, whatever becomes of one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.services.kernels import ownership as module
from jupyter_emr_connect.services.kernels.ownership import Ownership
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError


async def test_a_kernel_that_cannot_be_let_go_stops_neither_heartbeat_nor_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT_EVERY_S", 0.1)
    database = Database(tmp_path / "state.sqlite")
    ledger, ours = Ledger(database), Ownership(database)
    for name in ("kept", "first", "second"):
        ledger.add(KernelRecord(name, "j-1", "emr-python", "http://gateway"), ours.present())
    told: list[str] = []

    def on_taken(name: str) -> None:
        told.append(name)
        text = "a slip while a kernel is let go"
        raise RuntimeError(text)

    async def begin() -> None:
        for name in ("kept", "first", "second"):
            ours.start_heartbeat(name, lambda name=name: on_taken(name))

    async def end() -> None:
        for name in ("kept", "first", "second"):
            ours.stop_heartbeat(name)

    await gateway_loop().call(begin())
    ledger.remove("first")
    ledger.remove("second")
    await until(lambda: len(told) == 2)
    assert sorted(told) == ["first", "second"]
    heard = ledger.owners()[ours.owner.id].heartbeat_at
    await until(lambda: ledger.owners()[ours.owner.id].heartbeat_at > heard)
    assert "a slip while a kernel is let go" in caplog.text
    await gateway_loop().call(end())
