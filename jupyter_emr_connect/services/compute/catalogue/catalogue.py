"""The live catalogue's heart: who looks, what is due, and what the jobs bring home."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from ....config import EMRConnect
from ....errors import StoreError
from ....models import Compute
from ....store.computes import ComputeStore
from ....store.database import Database
from ..kinds import Lister, make_listers
from ..sources import Source, list_sources
from . import jobs, polling, sharing
from .listing import Listing, ListingRow
from .query import Query
from .view import NOTHING, Changes, History, View, problems_of
from .workers import Workers

log = logging.getLogger(__name__)

WORKERS = 6
# An answer with at most so many rows is looked at by a person, so that its rows are described first.
LOOKED_AT = 200
SLOW_SECONDS = 3.0
# The list can do without its file, so that it does not wait long for one that others use.
BUSY_SECONDS = 2.0
KEPT_ANSWERS = 4


class Change(Protocol):
    """Notes what has changed in a listing; ``news`` is a change other than of rows."""

    def __call__(self, listing: Listing, changes: Changes = NOTHING, *, news: bool = False) -> None:
        """Note it."""


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
        self._config = config
        self.clock = clock
        self._sources = list(sources) if sources is not None else list_sources(config)
        self._listers = tuple(listers) if listers is not None else make_listers(config)
        self._store: ComputeStore | None = ComputeStore(Database(config.state_file, busy_seconds=BUSY_SECONDS))
        self._listings: list[Listing] = []
        self._history = History(secrets.token_hex(4))
        self._answers: dict[tuple[str, Query], list[Compute]] = {}
        self._listeners: set[Callable[[], None]] = set()
        self._workers = Workers(WORKERS, "emr-catalogue")
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._poller: threading.Thread | None = None
        self._closed = False

    def view(self, query: Query, *, since: str | None = None, refresh: bool = False) -> View:
        """Return what is known now, and see to it that it is renewed; never waits for AWS.

        ``since`` is the version of an earlier view: the answer then says what has changed. ``refresh`` asks AWS again
        now, unless it was asked within the last seconds.
        """
        self._look(query, refresh=refresh)
        with self._lock:
            listings = self._relevant(query)
            version, changes = self._history.version, self._history.since(since)
            changes = changes and sharing.seen_in(listings, changes)
            found = self._answers.get((version, query))
            computes = None if found is not None else sharing.distinct(listings)
            frame = self._frame(listings, self.clock())
        if found is None:
            found = query.matching(computes or ())
            with self._lock:
                while len(self._answers) >= KEPT_ANSWERS:
                    del self._answers[next(iter(self._answers))]
                self._answers[version, query] = found
        items = query.page(found)
        if len(items) <= LOOKED_AT:
            self.want(items)
        return replace(frame, version=version, items=items, total=len(found), offset=query.offset, changes=changes)

    def want(self, computes: Sequence[Compute]) -> None:
        """Describe these before others: somebody looks at them."""
        wanted = {(one.kind, one.id) for one in computes}
        with self._wake:
            now = self.clock()
            for kind, compute_id in wanted:
                sharing.want(self._listings, kind, compute_id, now, len(wanted))
            self._wake.notify_all()

    def known(self, kind: str, compute_id: str) -> Compute | None:
        """Return a compute as it was last seen, without asking AWS."""
        with self._lock:
            having = [one for one in self._listings if one.lister.kind == kind and compute_id in one.rows]
            return next((one for one in sharing.distinct(having) if one.id == compute_id), None)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` (from any thread, briefly) whenever the list changes; returns what ends it."""
        with self._lock:
            self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    @property
    def closed(self) -> bool:
        """Whether nobody wants anything of it any more; jobs end early then."""
        return self._closed

    def close(self, wait: float = 0.0) -> None:
        """Stop polling; jobs that run end after their next answer from AWS, waited for ``wait`` seconds at most."""
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        self._workers.close(wait)

    def _look(self, query: Query, *, refresh: bool) -> None:
        with self._wake:
            if not self._listings:
                self._listings = [Listing(source, lister) for source in self._sources for lister in self._listers]
                for listing in self._listings:
                    self._load(listing)
            if query.wants_ended and not any(one.ended for one in self._listings):
                self._listings += [Listing(one.source, one.lister, ended=True) for one in list(self._listings)]
            now = self.clock()
            for listing in self._relevant(query):
                listing.looked_at = now
                asked_at = listing.running_since or listing.finished_at or 0.0
                listing.forced |= refresh and now - asked_at > polling.FRESH
            if not (self._poller and self._poller.is_alive()) and not self._closed:
                self._poller = threading.Thread(target=self._poll, name="emr-catalogue-poller", daemon=True)
                self._poller.start()
            self._wake.notify_all()

    def _load(self, listing: Listing) -> None:
        try:
            moment, rows = self._store.load(*listing.key) if self._store else (None, [])
        except StoreError as error:
            self._without_store(error)
            return
        if moment is not None:
            listing.rows = {compute.id: ListingRow(compute, described_at) for compute, described_at in rows}
            listing.listed_at, listing.stored = moment, True

    def _without_store(self, error: StoreError) -> None:
        if self._store is not None:
            log.warning("The list of computes is not kept: %s", error)
            self._store = None

    def _relevant(self, query: Query) -> list[Listing]:
        return [
            one
            for one in self._listings
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
                if seconds > SLOW_SECONDS
            ),
            to_describe=sum(len(one.wanted.keys() | one.queue.keys()) + one.describing for one in listings),
        )

    def _poll(self) -> None:
        """Hand out what is due until no one looks any more; runs in a thread of its own."""
        while True:
            with self._wake:
                now = self.clock()
                looked_at = max((one.looked_at for one in self._listings), default=0.0)
                if self._closed or now - looked_at > polling.FORGOTTEN:
                    self._poller = None
                    return
                due = self._due(now)
                busy = any(one.wanted or one.queue for one in self._listings)
                if not due:
                    self._wake.wait(0.25 if busy else 2.0)
            for job in due:
                self._workers.submit(job)
            self._workers.relieve()

    def _due(self, now: float) -> list[Callable[[], None]]:
        due: list[Callable[[], None]] = []
        for one in self._listings:
            if one.is_due(now):
                one.running_since, one.forced = now, False
                due.append(partial(jobs.read_list, self, one))
            wanted = (one.wanted or one.queue) and not one.describing and now >= one.describe_at
            if wanted and not sharing.waits_for_others(self._listings, one, now):
                one.describing = 1
                due.append(partial(jobs.describe_some, self, one))
        return due

    # What the jobs call, from the workers' threads.

    @contextlib.contextmanager
    def changing(self) -> Iterator[Change]:
        """Hold the lock while a listing changes; the function yielded notes what has changed for those who look."""
        before = self._history.number

        def change(listing: Listing, changes: Changes = NOTHING, *, news: bool = False) -> None:
            self._history.note(listing.lister.kind, changes, news=news)

        with self._wake:
            yield change
            changed = self._history.number != before
            listeners = list(self._listeners) if changed else []
            self._wake.notify_all()
        for listener in listeners:
            try:
                listener()
            except Exception as error:  # such as an event loop that has ended
                log.debug("A listener of the list has failed: %r", error)
                self._listeners.discard(listener)

    def choose(self, listing: Listing, room: int) -> list[str]:
        """Return the ids that a job shall describe now: up to ``room``, and none that another source describes."""
        with self._lock:
            sharing.leave_to_others(self._listings, listing)
            chosen = listing.next_to_describe(room)
            listing.describing = len(chosen) or 1
            return chosen

    def hand_over(self, listing: Listing, compute_id: str) -> None:
        """Let other sources describe what this one may not."""
        with self._lock:
            sharing.hand_over(self._listings, listing, compute_id)

    def keep(self, listing: Listing, ids: Iterable[str], listed_at: float | None = None) -> None:
        """Write these rows, or that they are gone, to the state file; called without the lock.

        Jobs of one listing may do so at once: each writes what is known by then, not what it has found itself. A file
        that cannot be written is said once and then left alone.
        """
        if self._store is None or listing.ended:
            return
        with listing.keeping:
            with self._lock:
                rows = [listing.rows[one] for one in ids if one in listing.rows]
                gone = [one for one in ids if one not in listing.rows]
            # A row without details was refused; the next process asks again.
            put = [(row.compute, row.described_at if row.compute.details else None) for row in rows]
            try:
                if self._store is not None:
                    self._store.save(*listing.key, put=put, gone=gone, listed_at=listed_at)
            except StoreError as error:
                self._without_store(error)
