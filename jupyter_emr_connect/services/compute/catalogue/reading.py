"""Reading the whole list once: the use case behind ``jupyter emr list`` and ``%emr list``."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from .catalogue import LiveCatalogue
from .query import Query
from .view import View

# AWS limits the account's call rate, so that descriptions take their time; what is not described by then says so.
DESCRIBED_WITHIN_S = 8.0
# Time without any news after which the rest is not waited for: a region that does not answer takes minutes.
NEWS_WITHIN_S = 20.0
LOOK_EVERY_S = 0.25


def read_all(
    catalogue: LiveCatalogue,
    query: Query,
    progress: Callable[[int, int], None] = lambda described, rows: None,
    *,
    within_s: float = math.inf,
) -> View:
    """Wait until every list is read, and a while for the descriptions; ``progress`` is told (described, rows).

    Blocks, ``within_s`` seconds at most; Ctrl-C ends it at once. The view says in ``complete`` and ``waiting`` what has
    not been read.
    """
    changed = threading.Event()
    end = catalogue.subscribe(changed.set)
    try:
        view = catalogue.view(query, refresh=True)
        deadline = time.monotonic() + within_s
        version, news_at = view.version, time.monotonic()
        while not view.complete or view.to_describe:
            now = time.monotonic()
            if view.version != version:
                version, news_at = view.version, now
            if view.complete:
                deadline = min(deadline, now + DESCRIBED_WITHIN_S)
            if now > min(deadline, news_at + NEWS_WITHIN_S):
                break
            changed.wait(LOOK_EVERY_S)
            changed.clear()
            view = catalogue.view(query)
            # Rows that the query leaves out are described too.
            progress(max(0, view.total - view.to_describe), view.total)
        return view
    finally:
        end()
