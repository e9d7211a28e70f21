"""Which kernels are orphans, and which are never."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from jupyter_emr_connect.models import KernelRecord, Owner
from jupyter_emr_connect.services.kernels.listing import ListedKernel
from jupyter_emr_connect.services.kernels.orphans import LEFT_FOR_LONG, why_orphan
from jupyter_emr_connect.services.kernels.processes import machine

HOURS = 3600.0


def kernel(*, alive: bool = False, owner: Owner | None = None, **values: Any) -> ListedKernel:
    known = KernelRecord(
        "k1", "j-1", "emr-python", "u", path="/nowhere/at all.ipynb", state="connected", persistent=True
    )
    return ListedKernel(replace(known, **values), owner, alive)


def owner(*, hours_ago: float = 0, host: str = "") -> Owner:
    return Owner("o", host or socket.gethostname(), machine(), 1, "1", time.time() - hours_ago * HOURS)


def ago(hours: float) -> str:
    return (datetime.now(timezone.utc) - timedelta(hours=hours)).isoformat(timespec="seconds")


@pytest.mark.parametrize("persistent", [True, False])
def test_a_kernel_whose_owner_lives_is_none_however_old(persistent: bool) -> None:
    assert why_orphan(kernel(alive=True, owner=owner(hours_ago=999), persistent=persistent), timedelta()) is None


def test_a_kernel_left_behind_a_while_ago_waits_for_its_notebook() -> None:
    assert why_orphan(kernel(owner=owner(hours_ago=23)), LEFT_FOR_LONG) is None
    assert why_orphan(kernel(state="detached", since=ago(23)), LEFT_FOR_LONG) is None
    assert "25 h" in (why_orphan(kernel(owner=owner(hours_ago=25)), LEFT_FOR_LONG) or "")
    assert "25 h" in (why_orphan(kernel(state="detached", since=ago(25)), LEFT_FOR_LONG) or "")


def test_a_headless_kernel_whose_process_died_here_is_one_at_once() -> None:
    assert why_orphan(kernel(owner=owner(), persistent=False), LEFT_FOR_LONG)
    assert why_orphan(kernel(state="detached", since=ago(0), persistent=False), LEFT_FOR_LONG)


def test_of_a_process_elsewhere_that_is_silent_nothing_is_known_for_a_day() -> None:
    assert why_orphan(kernel(owner=owner(hours_ago=1, host="other"), persistent=False), LEFT_FOR_LONG) is None
    assert why_orphan(kernel(owner=owner(hours_ago=25, host="other"), persistent=False), LEFT_FOR_LONG)


def test_a_kernel_that_was_given_up_but_lives_is_one() -> None:
    assert why_orphan(replace(kernel(state="gone"), word="idle"), LEFT_FOR_LONG)
    assert why_orphan(replace(kernel(state="gone"), word="unknown"), LEFT_FOR_LONG) is None


def test_one_of_an_older_ledger_that_knows_no_owners_goes_by_its_age() -> None:
    assert why_orphan(kernel(started_at=ago(1), persistent=False), LEFT_FOR_LONG) is None
    assert why_orphan(kernel(started_at=ago(25), persistent=False), LEFT_FOR_LONG)
