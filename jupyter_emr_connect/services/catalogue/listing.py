"""The rows of one kind from one source, and how what AWS lists is merged into what was known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ...errors import EMRConnectError
from ...models import Compute
from ..kinds import Lister
from ..sources import Source
from .polling import interval

# What a list may say otherwise without anything else of a described compute having changed.
LISTED = ("name", "arn", "state", "state_reason", "created_at")


@dataclass(frozen=True, slots=True)
class Row:
    """A compute and when it was described (seconds since the epoch); None when only the list is known."""

    compute: Compute
    described_at: float | None = None


@dataclass
class Listing:
    """What is known of one kind from one source. Changed under the catalogue's lock alone.

    ``ended`` lists those that have ended, and not those that live. ``listed_at`` is when AWS last listed it to the end
    (seconds since the epoch); ``stored`` says that the rows come from the state file, ``passed`` that a list has ended,
    well or not, since this process began. ``error`` is why the last list failed, ``trouble`` why a description did.
    ``wanted`` are ids to describe because a user looks at them, ``queue`` those that are new or changed.
    """

    source: Source
    lister: Lister
    ended: bool = False
    rows: dict[str, Row] = field(default_factory=dict)
    listed_at: float | None = None
    stored: bool = False
    passed: bool = False
    error: EMRConnectError | None = None
    trouble: EMRConnectError | None = None
    looked_at: float = 0.0
    running_since: float | None = None
    finished_at: float | None = None
    forced: bool = False
    describing: int = 0
    describe_at: float = 0.0
    pages: int = 0
    failures: int = 0
    wanted: dict[str, None] = field(default_factory=dict)
    queue: dict[str, None] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """The names under which the state file keeps it."""
        return self.source.key, self.lister.kind

    def is_due(self, now: float) -> bool:
        """Whether it shall be read (again) now."""
        if self.running_since is not None:
            return False
        pause = interval(unseen_for=now - self.looked_at, pages=self.pages, failures=self.failures)
        if pause is None:
            return False
        return self.forced or self.finished_at is None or now >= self.finished_at + pause

    def finish(self, now: float, *, pages: int, error: EMRConnectError | None, listed_at: float) -> bool:
        """Note that a list has ended, well or not; True where that is news to those who look."""
        news = not self.passed or (error is None) != (self.error is None)
        self.running_since, self.finished_at, self.passed, self.error = None, now, True, error
        self.failures = self.failures + 1 if error else 0
        if error is None:
            self.listed_at, self.stored, self.pages = listed_at, False, pages
        return news

    def upsert(self, computes: Iterable[Compute], now: float) -> tuple[list[Row], list[Row]]:
        """Merge rows of a list; return those that are new and those that have changed."""
        added: list[Row] = []
        changed: list[Row] = []
        for compute in computes:
            old = self.rows.get(compute.id)
            row = merge(old, compute, now)
            if row is old:
                continue
            self.rows[compute.id] = row
            (changed if old else added).append(row)
            if row.described_at is None and self.lister.worth_describing(row.compute):
                self.queue[compute.id] = None
            else:
                self.queue.pop(compute.id, None)
        return added, changed

    def retain(self, ids: set[str]) -> list[str]:
        """Drop the rows that a list read to its end no longer has; return their ids."""
        gone = [one for one in self.rows if one not in ids]
        for one in gone:
            del self.rows[one]
            self.wanted.pop(one, None)
            self.queue.pop(one, None)
        return gone

    def put(self, compute: Compute, now: float) -> bool:
        """Keep a description; False where nothing that is shown has changed."""
        self.wanted.pop(compute.id, None)
        self.queue.pop(compute.id, None)
        old = self.rows.get(compute.id)
        self.rows[compute.id] = Row(compute, now)
        return old is None or old.compute != compute

    def next_to_describe(self, most: int) -> list[str]:
        """Take up to ``most`` ids to describe: those that are looked at first, then the newest."""
        newest = sorted(self.queue, key=self._created, reverse=True) if len(self.wanted) < most else []
        chosen = [*self.wanted, *(one for one in newest if one not in self.wanted)][:most]
        for one in chosen:
            self.wanted.pop(one, None)
            self.queue.pop(one, None)
        return chosen

    def _created(self, compute_id: str) -> str:
        row = self.rows.get(compute_id)
        return (row.compute.created_at or "") if row else ""


def merge(old: Row | None, listed: Compute, now: float) -> Row:
    """Return the row for what a list says now; the same object where nothing has changed.

    A described compute keeps its facts while its state stays the same: AWS does not change them. One whose state has
    changed shows the new state and is to be described again.
    """
    if listed.details:  # the list itself tells all
        return old if old and old.compute == listed else Row(listed, now)
    if old is None:
        return Row(listed)
    known = old.compute
    if old.described_at is None:
        return old if known == listed else Row(listed)
    same = {name: getattr(listed, name) for name in LISTED}
    if all(getattr(known, name) == value for name, value in same.items()):
        return old
    if known.state == listed.state:
        return Row(replace(known, **same), old.described_at)
    return Row(replace(known, **same, attachable=False, reason=listed.reason), None)
