"""Who owns which kernel, session and batch behind a front door."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.sandbox.frontdoor.owners import LivyItem, Owners, canonical_id

ID = "0f5d4c33-6a53-4a3c-8d3e-0123456789ab"


@pytest.mark.parametrize("text", [ID, ID.upper(), f"{{{ID}}}", f"urn:uuid:{ID}", ID.replace("-", "")])
def test_every_spelling_of_a_kernel_id_is_one_id(text: str) -> None:
    assert canonical_id(text) == ID


@pytest.mark.parametrize("text", ["", "x", "0f5d4c33-6a53-1a3c-8d3e-0123456789ab", None, 7])
def test_what_is_no_uuid_of_version_4_is_no_kernel_id(text: object) -> None:
    assert canonical_id(text) is None


def test_a_kernel_id_has_one_owner_until_it_is_dropped() -> None:
    owners = Owners()
    assert owners.adopt(ID, "ann")
    assert not owners.adopt(ID, "ann")
    assert not owners.adopt(ID, "bob")
    assert (owners.kernels_of("ann"), owners.kernels_of("bob")) == ({ID}, set())
    owners.drop_kernel(ID)
    assert owners.adopt(ID, "bob")


def test_a_session_is_its_users_alone_and_batches_have_numbers_of_their_own() -> None:
    owners = Owners()
    owners.add(LivyItem("sessions", 0, "ann", None))
    assert owners.item("sessions", 0, "ann")
    assert owners.item("sessions", 0, "bob") is None
    assert owners.item("batches", 0, "ann") is None


def test_what_a_kernel_made_is_orphaned_by_its_end_and_by_its_restart() -> None:
    owners = Owners()
    owners.adopt(ID, "ann")
    first, by_hand = LivyItem("sessions", 0, "ann", ID), LivyItem("sessions", 1, "ann", None)
    owners.add(first)
    owners.add(by_hand)
    before = owners.made_by(ID)
    owners.add(LivyItem("sessions", 2, "ann", ID))
    assert owners.orphans() == []
    owners.disown(before)
    assert [item.number for item in owners.orphans()] == [0]
    owners.drop_kernel(ID)
    assert [item.number for item in owners.orphans()] == [0, 2]


def test_a_session_that_deleted_itself_is_not_orphaned_by_the_restart() -> None:
    owners = Owners()
    owners.adopt(ID, "ann")
    item = LivyItem("sessions", 0, "ann", ID)
    owners.add(item)
    owners.drop(item)
    owners.disown([item])
    assert owners.orphans() == []
