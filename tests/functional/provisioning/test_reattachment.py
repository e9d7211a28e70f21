"""A kernel that is being brought back: what nobody foresaw is logged, and it is tried again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.gateway.event_loop import gateway_loop
from jupyter_emr_connect.models import Compute, KernelRecord, Login
from jupyter_emr_connect.provisioning.adopt import Adopter
from jupyter_emr_connect.provisioning.launchers import Launcher
from jupyter_emr_connect.provisioning.ledger_entry import KernelStatus, LedgerEntry
from jupyter_emr_connect.provisioning.reattachment import Reattachment
from jupyter_emr_connect.services.credentials.logins import forget_logins, login_auth_of, remember_login
from jupyter_emr_connect.services.kernels.ownership import ownership
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.functional.server.recorded import until

LOG = logging.getLogger(__name__)
LDAP = Compute("j-LDAP", "ec2", "ldap", "", "us-east-1", "123456789012", "WAITING", auth="ldap")


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


class WithoutLogin(Clumsy):
    """A server that was restarted: the login for the kernel's compute was in the former one's memory."""

    async def reach(self, entry: LedgerEntry) -> object:
        self.attempts += 1
        return login_auth_of(self.config, LDAP)


@asynccontextmanager
async def brought_back(adopter: Clumsy, folder: Path, back: list[Any]) -> AsyncIterator[tuple[Reattachment, Ledger]]:
    """A kernel on its way back, and the ledger that it is in."""
    database = Database(folder / "state.sqlite")
    owner, ledger = ownership(str(database.path)), Ledger(database)
    record = ledger.add(KernelRecord("k", "j-1", "emr-python", "http://gateway"), owner.present())

    async def bring_back() -> Reattachment:
        entry = LedgerEntry(record, Ledger(database), owner, LOG)
        return Reattachment(cast(Adopter, adopter), entry, cast(Launcher, adopter), LOG, back.append)

    async def end(entry: Any) -> None:
        entry.stop_heartbeat()

    reattachment = await gateway_loop().call(bring_back())
    try:
        yield reattachment, ledger
    finally:
        await gateway_loop().call(end(reattachment.entry))


@pytest.mark.slow
async def test_a_kernel_comes_back_though_an_attempt_failed_unexpectedly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clumsy, back = Clumsy(), list[Any]()
    async with brought_back(clumsy, tmp_path, back) as (reattachment, _):
        assert await asyncio.wait_for(gateway_loop().call(reattachment.settled()), 30)
    assert (clumsy.attempts, len(back), clumsy.states) == (2, 1, ["paused", "reads"])
    assert "a slip as a kernel is brought back" in caplog.text


async def test_a_kernel_whose_password_the_former_server_had_says_so_and_comes_back_once_it_is_typed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    forget_logins()
    adopter, back = WithoutLogin(), list[Any]()
    async with brought_back(adopter, tmp_path, back) as (reattachment, ledger):
        said = await until(lambda: getattr(ledger.get("k"), "reason", None))
        assert "asks for a user name and password" in said
        assert "Attach with them again" in said
        assert back == []
        remember_login(LDAP.id, Login("ada", "typed anew"))  # as attaching anew in the panel does
        assert await asyncio.wait_for(gateway_loop().call(reattachment.settled()), 60)
    forget_logins()
    assert (len(back), adopter.states) == (1, ["paused", "reads"])
    assert "typed anew" not in caplog.text
