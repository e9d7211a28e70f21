"""What the live catalogue and its jobs share: the lists, the lock over them, their history and the state file."""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from ....errors import StoreError
from ....store.computes import ComputeStore
from ....store.database import Database
from . import sharing
from .listing import Listing, ListingRow
from .view import NOTHING, Changes, History

log = logging.getLogger(__name__)


class ChangeRecorder(Protocol):
    """Records what has changed in a listing; ``news`` is a change other than of rows."""

    def __call__(self, listing: Listing, changes: Changes = NOTHING, *, news: bool = False) -> None:
        """Record the change as a version of the history."""


class CatalogueState:
    """The lists of all sources. Methods are called from any thread, without the lock; they block on the state file.

    ``lock`` guards ``listings``, ``history`` and ``closed``; who changes them notifies it. ``closed`` says that nobody
    wants anything of the catalogue any more, so that jobs end early. ``clock`` gives seconds since the epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.listings: list[Listing] = []
        self.history = History(secrets.token_hex(4))
        self.closed = False
        self.clock = clock
        self._store: ComputeStore | None = ComputeStore(database)
        self._listeners: set[Callable[[], None]] = set()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` (from any thread, briefly) whenever the list changes; returns what ends it."""
        with self.lock:
            self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    @contextlib.contextmanager
    def changing(self) -> Iterator[ChangeRecorder]:
        """Hold the lock while a listing changes; yields the function that records the change for those who look."""
        before = self.history.number

        def record(listing: Listing, changes: Changes = NOTHING, *, news: bool = False) -> None:
            self.history.note(listing.lister.kind, changes, news=news)

        with self.lock:
            yield record
            changed = self.history.number != before
            listeners = list(self._listeners) if changed else []
            self.lock.notify_all()
        for listener in listeners:
            try:
                listener()
            except Exception as error:  # such as an event loop that has ended
                log.debug("A listener of the list has failed: %r", error)
                self._listeners.discard(listener)

    def choose(self, listing: Listing, room: int) -> list[str]:
        """Return the ids that a job shall describe now: up to ``room``, and none that another source describes."""
        with self.lock:
            sharing.leave_to_others(self.listings, listing)
            chosen = listing.next_to_describe(room)
            listing.describing = len(chosen) or 1
            return chosen

    def hand_over(self, listing: Listing, compute_id: str) -> None:
        """Let other sources describe what this one may not."""
        with self.lock:
            sharing.hand_over(self.listings, listing, compute_id)

    def load(self, listing: Listing) -> None:
        """Fill a new listing with its rows in the state file."""
        try:
            listed_at, rows = self._store.load(*listing.key) if self._store else (None, [])
        except StoreError as error:
            self._without_store(error)
            return
        if listed_at is not None or rows:
            listing.rows = {compute.id: ListingRow(compute, described_at) for compute, described_at in rows}
            listing.listed_at, listing.stored = listed_at, True

    def save(self, listing: Listing, ids: Iterable[str], listed_at: float | None = None) -> None:
        """Write these rows, or that they are gone, to the state file; called without the lock.

        Jobs of one listing may do so at once: each writes what is known by then, not what it has found itself. A file
        that cannot be written is said once and then left alone.
        """
        if self._store is None or listing.ended:
            return
        with listing.saving:
            with self.lock:
                rows = [listing.rows[compute_id] for compute_id in ids if compute_id in listing.rows]
                gone = [compute_id for compute_id in ids if compute_id not in listing.rows]
            if not (rows or gone or listed_at is not None):
                return
            # A row without details was refused; the next process asks again.
            put = [(row.compute, row.described_at if row.compute.details else None) for row in rows]
            try:
                if self._store is not None:
                    self._store.save(*listing.key, put=put, gone=gone, listed_at=listed_at, now=self.clock())
            except StoreError as error:
                self._without_store(error)

    def _without_store(self, error: StoreError) -> None:
        if self._store is not None:
            log.warning("The list of computes is not kept: %s", error)
            self._store = None
