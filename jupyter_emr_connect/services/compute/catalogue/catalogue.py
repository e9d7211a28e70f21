"""The live catalogue: views of the lists, and the poller that hands out what is due to be read or described."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from ....config import EMRConnect
from ....executors import DaemonExecutor
from ....models import Compute
from ....store.database import Database
from ..configured import configured_computes
from ..kinds import Lister, make_listers
from ..sources import Source, list_sources
from . import jobs, polling, sharing
from .listing import Listing
from .query import Query
from .state import CatalogueState
from .view import View, problems_of

log = logging.getLogger(__name__)

WORKERS = 6
# A job that runs for so many seconds waits for something: a region that does not answer, or its turn.
SLOW_JOB_S = 2.0
WORKER_IDLE_S = 30.0
MOST_THREADS = 64
# An answer with at most so many rows is looked at by a person, so that its rows are described first.
DESCRIBED_FIRST_MAX = 200
SLOW_LIST_S = 3.0
# The list can do without its file, so that it does not wait long for one that others use.
DATABASE_BUSY_S = 2.0
MAX_CACHED_ANSWERS = 4


class LiveCatalogue:
    """All computes of all sources. Safe from any thread; methods block on the state file and never on AWS.

    ``sources`` are those of the configuration unless given, ``listers`` those of all kinds. ``clock`` gives seconds
    since the epoch.
    """

    def __init__(
        self,
        config: EMRConnect,
        sources: Sequence[Source] | None = None,
        *,
        listers: Sequence[Lister] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Start nothing yet; raises ``ConfigurationError`` for sources that cannot be used."""
        self._sources = list(sources) if sources is not None else list_sources(config)
        self._listers = tuple(listers) if listers is not None else make_listers(config)
        self._state = CatalogueState(Database(config.state_file, busy_seconds=DATABASE_BUSY_S), clock)
        self._configured = configured_computes(config)
        self._answers: dict[tuple[str, Query], list[Compute]] = {}
        self._workers = DaemonExecutor(
            WORKERS, "emr-catalogue", slow_after_s=SLOW_JOB_S, max_threads=MOST_THREADS, idle_s=WORKER_IDLE_S
        )
        self._poller: threading.Thread | None = None

    def view(self, query: Query, *, since: str | None = None, refresh: bool = False) -> View:
        """Return what is known now, and see to it that it is renewed; never waits for AWS.

        ``since`` is the version of an earlier view: the answer then says what has changed. ``refresh`` asks AWS again
        now, unless it was asked within the last seconds.
        """
        self._look(query, refresh=refresh)
        with self._state.lock:
            listings = self._relevant(query)
            version, changes = self._state.history.version, self._state.history.since(since)
            changes = changes and sharing.seen_in(listings, changes)
            found = self._answers.get((version, query))
            computes = None if found is not None else [*self._configured, *sharing.distinct(listings)]
            frame = self._frame(listings, self._state.clock())
        if found is None:
            found = query.matching(computes or ())
            with self._state.lock:
                while len(self._answers) >= MAX_CACHED_ANSWERS:
                    del self._answers[next(iter(self._answers))]
                self._answers[version, query] = found
        items = query.page(found)
        if len(items) <= DESCRIBED_FIRST_MAX:
            self.want(items)
        return replace(frame, version=version, items=items, total=len(found), offset=query.offset, changes=changes)

    def want(self, computes: Sequence[Compute]) -> None:
        """Describe these before others: somebody looks at them."""
        wanted = {(one.kind, one.id) for one in computes}
        with self._state.lock:
            now = self._state.clock()
            for kind, compute_id in wanted:
                sharing.want(self._state.listings, kind, compute_id, now, len(wanted))
            self._state.lock.notify_all()

    def known(self, kind: str, compute_id: str) -> Compute | None:
        """Return a compute as it was last seen, without asking AWS."""
        if kind == "eks" and (configured := next((one for one in self._configured if one.id == compute_id), None)):
            return configured
        with self._state.lock:
            having = [one for one in self._state.listings if one.lister.kind == kind and compute_id in one.rows]
            return next((one for one in sharing.distinct(having) if one.id == compute_id), None)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` (from any thread, briefly) whenever the list changes; returns what ends it."""
        return self._state.subscribe(listener)

    def close(self, wait: float = 0.0) -> None:
        """Stop polling; jobs that run end after their next answer from AWS, waited for ``wait`` seconds at most."""
        with self._state.lock:
            self._state.closed = True
            self._state.lock.notify_all()
        self._workers.shutdown(cancel_futures=True, timeout=wait)

    def _look(self, query: Query, *, refresh: bool) -> None:
        """Note that somebody looks at these lists now; start the poller unless it runs."""
        state = self._state
        with state.lock:
            if not state.listings:
                state.listings = [Listing(source, lister) for source in self._sources for lister in self._listers]
                for listing in state.listings:
                    state.load(listing)
            if query.wants_ended and not any(listing.ended for listing in state.listings):
                state.listings += [Listing(live.source, live.lister, ended=True) for live in state.listings]
            now = state.clock()
            for listing in self._relevant(query):
                listing.looked_at = now
                asked_at = listing.running_since or listing.finished_at or 0.0
                listing.forced |= refresh and now - asked_at > polling.FRESH_FOR_S
            if not (self._poller and self._poller.is_alive()) and not state.closed:
                self._poller = threading.Thread(target=self._poll, name="emr-catalogue-poller", daemon=True)
                self._poller.start()
            state.lock.notify_all()

    def _relevant(self, query: Query) -> list[Listing]:
        return [
            one
            for one in self._state.listings
            if query.covers(one.lister.kind, one.source.region) and (not one.ended or query.wants_ended)
        ]

    def _frame(self, listings: Sequence[Listing], now: float) -> View:
        """Return a view without its rows; called under the lock."""
        running = [(one, now - one.running_since) for one in listings if one.running_since is not None]
        return View(
            problems=problems_of(listings),
            as_of=min((one.listed_at for one in listings if one.listed_at is not None), default=None),
            complete=all(one.passed for one in listings),
            refreshing=any(one.forced or one.running_since is not None for one in listings),
            stored=any(one.stored for one in listings),
            waiting=tuple(
                {"kind": one.lister.kind, "region": one.source.region, "seconds": round(seconds, 1)}
                for one, seconds in running
                if seconds > SLOW_LIST_S
            ),
            to_describe=sum(len(one.wanted.keys() | one.queue.keys()) + one.describing for one in listings),
        )

    def _poll(self) -> None:
        """Hand out what is due until no one looks any more; runs in a thread of its own."""
        while True:
            with self._state.lock:
                now = self._state.clock()
                looked_at = max((one.looked_at for one in self._state.listings), default=0.0)
                if self._state.closed or now - looked_at > polling.STOP_AFTER_S:
                    self._poller = None
                    return
                due = self._due(now)
                busy = any(one.wanted or one.queue for one in self._state.listings)
                if not due:
                    self._state.lock.wait(0.25 if busy else 2.0)
            for job in due:
                self._submit(job)
            self._workers.relieve()

    def _submit(self, job: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # closed meanwhile
            self._workers.submit(job).add_done_callback(_report)

    def _due(self, now: float) -> list[Callable[[], None]]:
        due: list[Callable[[], None]] = []
        for one in self._state.listings:
            if one.is_due(now):
                one.running_since, one.forced = now, False
                due.append(partial(jobs.do, jobs.read_list, self._state, one))
            wanted = (one.wanted or one.queue) and not one.describing and now >= one.describe_at
            if wanted and not sharing.waits_for_others(self._state.listings, one, now):
                one.describing = 1
                due.append(partial(jobs.do, jobs.describe_some, self._state, one))
        return due


def _report(job: Future[None]) -> None:
    """Log what a job raised, which is a defect of ours; called in the job's thread."""
    if not job.cancelled() and (error := job.exception()) is not None:
        log.error("A job of the catalogue failed", exc_info=error)
