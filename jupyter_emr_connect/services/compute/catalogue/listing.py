"""The rows of one kind from one source, and how what AWS lists is merged into what was known."""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from ....errors import EMRConnectError
from ....models import Compute
from ..kinds import Lister
from ..sources import Source
from .polling import DESCRIBE_AGAIN_AFTER_S, interval

# What a list may say otherwise without anything else of a described compute having changed.
LISTED = ("name", "arn", "state", "state_reason", "created_at")
# Details that say why something could not be found out: it is tried again while somebody looks.
UNSURE = ("unreachable", "unread")


@dataclass(frozen=True, slots=True)
class ListingRow:
    """A compute and when it was described (seconds since the epoch); None when only the list is known."""

    compute: Compute
    described_at: float | None = None


@dataclass(eq=False)
class Listing:
    """What is known of one kind from one source. Changed under the catalogue's lock alone.

    ``ended`` lists those that have ended, and not those that live. ``listed_at`` is when AWS last listed it to the end
    (seconds since the epoch; None: never yet); ``stored`` says that rows come from the state file, ``passed`` that a
    list has ended, well or not, since this process began. ``error`` is why the last list failed, ``describe_error`` why
    a description did. ``wanted`` are ids to describe because a user looks at them, with how many are looked at
    together; ``queue`` are those that are new or changed; ``failing`` those of them that could not be described just
    now, ``access_denied`` those that are not asked for again before ``ask_denied_at``, because AWS refused. ``saving``
    is held while rows are written to the state file.
    """

    source: Source
    lister: Lister
    ended: bool = False
    rows: dict[str, ListingRow] = field(default_factory=dict)
    listed_at: float | None = None
    stored: bool = False
    passed: bool = False
    error: EMRConnectError | None = None
    describe_error: EMRConnectError | None = None
    looked_at: float = 0.0
    running_since: float | None = None
    finished_at: float | None = None
    forced: bool = False
    describing: int = 0
    describe_at: float = 0.0
    describe_failures: int = 0
    ask_denied_at: float = 0.0
    pages: int = 0
    failures: int = 0
    wanted: dict[str, int] = field(default_factory=dict)
    queue: dict[str, None] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    access_denied: set[str] = field(default_factory=set)
    saving: threading.Lock = field(default_factory=threading.Lock)

    @property
    def key(self) -> tuple[str, str]:
        """The names under which the state file keeps it."""
        return self.source.key, self.lister.kind

    def is_due(self, now: float) -> bool:
        """Whether the list shall be read (again) now, in seconds since the epoch."""
        if self.running_since is not None:
            return False
        pause = interval(unseen_for=now - self.looked_at, pages=self.pages, failures=self.failures)
        if pause is None:
            return False
        return self.forced or self.finished_at is None or now >= self.finished_at + pause

    def finish(self, now: float, *, pages: int, error: EMRConnectError | None, listed_at: float) -> bool:
        """Note that a list has ended, well or not; True where that is news to those who look."""
        news = not self.passed or type(error) is not type(self.error)
        if self.describe_error is not None and not (self.access_denied or self.wanted or self.queue):
            self.describe_error, self.describe_failures, news = None, 0, True
        self.running_since, self.finished_at, self.passed, self.error = None, now, True, error
        self.failures = self.failures + 1 if error else 0
        if error is None:
            self.listed_at, self.stored, self.pages = listed_at, False, pages
        return news

    def upsert(self, computes: Iterable[Compute], now: float) -> tuple[list[ListingRow], list[ListingRow]]:
        """Merge rows of a list; return those that are new and those that have changed."""
        added: list[ListingRow] = []
        changed: list[ListingRow] = []
        for compute in computes:
            old = self.rows.get(compute.id)
            row = merge(old, compute, now)
            if row is old:
                continue
            self.rows[compute.id] = row
            (changed if old else added).append(row)
            self.access_denied.discard(compute.id)
            if row.described_at is None and self.lister.worth_describing(row.compute):
                self.queue[compute.id] = None
            else:
                self.queue.pop(compute.id, None)
        return added, changed

    def retain(self, ids: Collection[str]) -> list[str]:
        """Drop the rows that a list read to its end no longer has; return their ids."""
        gone = [one for one in self.rows if one not in ids]
        for one in gone:
            del self.rows[one]
            self.settle(one)
            self.access_denied.discard(one)
        return gone

    def put(self, compute: Compute, now: float) -> bool:
        """Keep a description; False where nothing that is shown has changed, or where the row has gone meanwhile."""
        self.settle(compute.id)
        old = self.rows.get(compute.id)
        if old is None:
            return False
        self.rows[compute.id] = ListingRow(compute, now)
        if compute.id in self.access_denied:  # what was refused is granted now, and so it may be for others
            self.access_denied.discard(compute.id)
            self.queue.update(dict.fromkeys(self.access_denied))
            self.access_denied.clear()
        return old.compute != compute

    def put_access_denied(self, compute_id: str, reason: str, now: float) -> bool:
        """Keep why a compute could not be described; False where that is no news."""
        self.settle(compute_id)
        old = self.rows.get(compute_id)
        if old is None:
            return False
        if not self.access_denied:
            self.ask_denied_at = now + DESCRIBE_AGAIN_AFTER_S
        self.access_denied.add(compute_id)
        self.rows[compute_id] = ListingRow(replace(old.compute, reason=reason), now)
        return self.rows[compute_id].compute != old.compute

    def put_back(self, ids: Collection[str], failing: str) -> None:
        """Take ids back that could not be described now; the one that failed goes last the next time."""
        self.queue.update(dict.fromkeys(one for one in ids if one in self.rows))
        self.failing.add(failing)

    def want(self, compute_id: str, now: float, among: int = 1) -> None:
        """Describe a row soon that is looked at, if it is new, or was out of reach or refused a while ago.

        ``among`` is how many are looked at together: the fewer, the sooner.
        """
        row = self.rows[compute_id]
        if compute_id in self.access_denied:
            wanted = now >= self.ask_denied_at
            if wanted:  # one call finds out whether that is so still
                self.ask_denied_at = now + DESCRIBE_AGAIN_AFTER_S
        elif row.described_at is None:
            wanted = self.lister.worth_describing(row.compute)
        else:
            unsure = any(row.compute.details.get(name) for name in UNSURE)
            wanted = unsure and now - row.described_at > DESCRIBE_AGAIN_AFTER_S
        if wanted:
            self.wanted[compute_id] = min(among, self.wanted.get(compute_id, among))

    def next_to_describe(self, most: int) -> list[str]:
        """Take up to ``most`` ids to describe: those that are looked at first, then the newest."""
        chosen = heapq.nlargest(most, self.wanted.keys() | self.queue.keys(), key=self._urgency)
        for one in chosen:
            self.wanted.pop(one, None)
            self.queue.pop(one, None)
        return chosen

    def settle(self, compute_id: str) -> None:
        """Take a row out of what waits to be described."""
        self.wanted.pop(compute_id, None)
        self.queue.pop(compute_id, None)
        self.failing.discard(compute_id)

    def _urgency(self, compute_id: str) -> tuple[bool, float, str]:
        row = self.rows.get(compute_id)
        created = (row.compute.created_at or "") if row else ""
        return compute_id not in self.failing, -self.wanted.get(compute_id, math.inf), created


def merge(old: ListingRow | None, listed: Compute, now: float) -> ListingRow:
    """Return the row for what a list says now; the same object where nothing has changed.

    A described compute keeps its facts while its state stays the same: AWS does not change them. One whose state has
    changed shows the new state and is to be described again.
    """
    if listed.details:  # the list itself tells all
        return old if old and old.compute == listed else ListingRow(listed, now)
    if old is None:
        return ListingRow(listed)
    known = old.compute
    if old.described_at is None:
        return old if known == listed else ListingRow(listed)
    same = {name: getattr(listed, name) for name in LISTED}
    if all(getattr(known, name) == value for name, value in same.items()):
        return old
    if known.state == listed.state:
        return ListingRow(replace(known, **same), old.described_at)
    return ListingRow(replace(known, **same, attachable=False, reason=listed.reason), None)
