"""When a list is due again: soon while somebody looks, later when nobody does, never when no one has for long."""

from __future__ import annotations

FAST = 15.0
SLOW = 60.0
# Seconds since the last look after which polling slows, and after which it stops.
LOOKING = 45.0
FORGOTTEN = 300.0
LONGEST_BACK_OFF = 300.0
# A refresh that is asked for within this time of the last list is answered with that list.
FRESH = 5.0
# EMR refills one page of ListClusters in two seconds for the whole account (reference 1.2); polling takes half of that.
SECONDS_A_PAGE = 4.0
DETAILS_STAY = 300.0


def interval(*, unseen_for: float, pages: int, failures: int) -> float | None:
    """Return the seconds between the end of a list and the next one, or None when no one looks any more.

    ``unseen_for`` is how long ago somebody looked, ``pages`` how many calls the last list took, ``failures`` how many
    lists in a row have failed.
    """
    if unseen_for > FORGOTTEN:
        return None
    base = FAST if unseen_for <= LOOKING else SLOW
    base = max(base, pages * SECONDS_A_PAGE)
    return min(base * 2.0 ** min(failures, 10), max(base, LONGEST_BACK_OFF))
