"""Versions of the list, and what each has changed."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.services.compute.catalogue.view import MOST_CHANGES, NOTHING, Changes, History


@pytest.fixture
def history() -> History:
    return History("boot")


def test_nothing_changed_is_no_new_version(history):
    history.note("ec2", NOTHING)
    assert history.version == "boot-0"
    assert history.since("boot-0") == NOTHING


def test_each_change_is_a_version(history):
    history.note("ec2", Changes(added=("j-A", "j-B")))
    history.note("eks", Changes(changed=("v/e",)))
    history.note("ec2", NOTHING, news=True)
    assert history.version == "boot-3"
    assert history.since("boot-0") == Changes(("ec2/j-A", "ec2/j-B"), ("eks/v/e",), ())
    assert history.since("boot-1") == Changes((), ("eks/v/e",), ())
    assert history.since("boot-2") == history.since("boot-3") == NOTHING


@pytest.mark.parametrize(
    ("changes", "joined"),
    [
        (["added", "changed"], "added"),
        (["added", "changed", "removed"], "removed"),
        (["added", "removed"], "removed"),
        (["removed", "added"], "changed"),
        (["removed", "added", "changed"], "changed"),
        (["changed", "changed"], "changed"),
        (["changed", "removed"], "removed"),
    ],
)
def test_changes_of_one_compute_are_joined(history, changes, joined):
    for one in changes:
        history.note("ec2", Changes(**{one: ("j-A",)}))
    found = history.since("boot-0")
    assert {name: getattr(found, name) for name in ("added", "changed", "removed")} == {
        name: ("ec2/j-A",) if name == joined else () for name in ("added", "changed", "removed")
    }


@pytest.mark.parametrize(
    "version",
    [None, "", "-", "other-0", "boot", "boot-", "boot-2", "boot--1", "boot-1e3", "boot-²", "boot-" + "9" * 5000],
)
def test_what_is_no_version_of_this_process_has_no_changes_to_tell(history, version):
    history.note("ec2", Changes(added=("j-A",)))
    assert history.since(version) is None


def test_a_version_too_old_has_no_changes_to_tell(history):
    for number in range(MOST_CHANGES + 5):
        history.note("ec2", Changes(changed=(f"j-{number}",)))
    assert history.since("boot-0") is None
    assert history.since("boot-4") is None
    found = history.since("boot-6")
    assert found is not None
    assert len(found.changed) == MOST_CHANGES - 1


def test_a_version_of_which_a_part_is_forgotten_has_no_changes_to_tell(history):
    history.note("ec2", Changes(added=("j-A", "j-B")))
    history.note("ec2", Changes(changed=tuple(f"j-{number}" for number in range(MOST_CHANGES - 1))))
    assert history.since("boot-0") is None
    assert history.since("boot-1") is not None
