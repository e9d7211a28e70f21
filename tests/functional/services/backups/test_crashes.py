"""Killed at any instant, a server loses nothing, and the next one tears or doubles nothing."""

from __future__ import annotations

import pytest

from tests.functional.services.backups.crashes import Crashes, KillingFront

pytestmark = pytest.mark.faults


@pytest.fixture
def front(soak):
    return KillingFront(soak.dice)


@pytest.fixture
def before_front(front):
    return front.before


@pytest.fixture
def crashes(folder, bucket, front):
    made = Crashes(folder, bucket, front)
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("versions", [True, False], ids=["versions", "no-versions"])
def test_a_server_killed_at_any_instant_loses_tears_and_doubles_nothing(crashes, bucket, soak, versions):
    if not versions:
        bucket.keep_no_versions()
    kills = soak.choose(3, 500)
    for number in range(kills):
        crashes.kill_one(soak.dice.randrange(10**9))
        if number % 5 == 4:
            crashes.check()
    assert crashes.done > kills
    here = {f"team/{file.name}" for file in crashes.folder.root.iterdir()}
    left = len({f"team/{path}" for path in crashes.at_risk} & bucket.keys() - here)
    soak.note(
        f"{kills} times kill -9 around a call of S3, {crashes.done} saves, renames, deletes and restores between: "
        f"nothing lost, torn or twice; {left} objects of files that went in the last instant are still there"
    )
