"""When a list is due again: soon while somebody looks, later when nobody does, never when no one has for long."""

from __future__ import annotations

INTERVAL_S = 15.0
IDLE_INTERVAL_S = 60.0
# Seconds since the last look after which polling slows, and after which it stops.
IDLE_AFTER_S = 45.0
STOP_AFTER_S = 300.0
MAX_BACK_OFF_S = 300.0
# A refresh that is asked for within this time of the last list is answered with that list.
FRESH_FOR_S = 5.0
# EMR refills one page of ListClusters in two seconds for the whole account (reference 1.2); polling takes half of that.
INTERVAL_PER_PAGE_S = 4.0
DESCRIBE_AGAIN_AFTER_S = 300.0


def interval(*, unseen_for: float, pages: int, failures: int) -> float | None:
    """Return the seconds between the end of a list and the next one, or None when no one looks any more.

    ``unseen_for`` is how long ago somebody looked, ``pages`` how many calls the last list took, ``failures`` how many
    lists in a row have failed.
    """
    if unseen_for > STOP_AFTER_S:
        return None
    base = INTERVAL_S if unseen_for <= IDLE_AFTER_S else IDLE_INTERVAL_S
    base = max(base, pages * INTERVAL_PER_PAGE_S)
    return min(base * 2.0 ** min(failures, 10), max(base, MAX_BACK_OFF_S))
