"""What the catalogue answers: rows, what stands in their way, how old they are, and what has changed."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ....errors import AWSError, ConfigurationError, CredentialsExpired, EMRConnectError, InvalidCredentials
from ....models import Compute
from ...bodies import error_entry, iso
from .listing import Listing

Change = Literal["added", "changed", "removed"]
CHANGES: tuple[Change, ...] = ("added", "changed", "removed")
MOST_CHANGES = 10_000


@dataclass(frozen=True)
class Problem:
    """A source that could not be listed; ``kind`` and ``region`` are None where it concerns all of them."""

    error: EMRConnectError
    kind: str | None
    region: str | None
    profile: str | None
    access_role: str | None

    def located(self, *, several: bool) -> EMRConnectError:
        """Return the error; with ``several`` sources its message says which of them it concerns."""
        parts = (
            f"listing {self.kind}" if self.kind else "",
            f"in {self.region}" if self.region else "",
            f"by profile {self.profile!r}" if self.profile else "",
            f"through {self.access_role}" if self.access_role else "",
        )
        where = " ".join(part for part in parts if part)
        if not several or not where:
            return self.error
        located = copy.copy(self.error)
        located.message = f"{self.error.message.rstrip('.')}, {where}."
        return located

    def to_json(self) -> dict[str, Any]:
        """Return the contract's error entry, with the fix and whose calls they were."""
        entry = error_entry(self.error, kind=self.kind, region=self.region)
        return {**entry, "profile": self.profile, "access_role": self.access_role}


@dataclass(frozen=True)
class Changes:
    """The ids (``kind/id``) of what has changed since a version."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


NOTHING = Changes()


@dataclass(frozen=True)
class View:
    """An answer of the catalogue.

    ``as_of`` (seconds since the epoch) is when the oldest of the lists in it was read; None before the first.
    ``complete`` says that every list was read to its end, or has failed, since this process began to look;
    ``refreshing`` that one is being read now. ``stored`` says that some rows come from the state file. ``waiting``
    names the lists that are being read for long. ``to_describe`` is how many rows are still to be described.
    """

    version: str = ""
    items: Sequence[Compute] = ()
    total: int = 0
    problems: tuple[Problem, ...] = ()
    as_of: float | None = None
    complete: bool = False
    refreshing: bool = False
    stored: bool = False
    waiting: tuple[dict[str, Any], ...] = ()
    to_describe: int = 0
    offset: int = 0
    changes: Changes | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the body of ``GET compute`` and ``jupyter emr list --json``."""
        return {"items": [compute.to_json() for compute in self.items], **self.head()}

    def head(self) -> dict[str, Any]:
        """Return the answer's JSON without its items."""
        shown = self.offset + len(self.items)
        return {
            "errors": [problem.to_json() for problem in self.problems],
            "as_of": iso(self.as_of),
            "complete": self.complete,
            "refreshing": self.refreshing,
            "stored": self.stored,
            "version": self.version,
            "total": self.total,
            "next_offset": shown if shown < self.total else None,
            "waiting": list(self.waiting),
            "to_describe": self.to_describe,
            "changes": None
            if self.changes is None
            else {
                "added": list(self.changes.added),
                "changed": list(self.changes.changed),
                "removed": list(self.changes.removed),
            },
        }


class History:
    """Versions of the list and what each has changed; the last ten thousand changes are kept."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self.number = 0
        self._log: deque[tuple[int, Change, str]] = deque(maxlen=MOST_CHANGES)

    @property
    def version(self) -> str:
        """The version now; another process's versions are never mistaken for ours."""
        return f"{self._boot}-{self.number}"

    def note(self, kind: str, changes: Changes, *, news: bool = False) -> None:
        """Begin a version in which these ids of a kind have changed, or in which there is other news."""
        if not news and changes == NOTHING:
            return
        self.number += 1
        for change in CHANGES:
            self._log.extend((self.number, change, f"{kind}/{one}") for one in getattr(changes, change))

    def since(self, version: str | None) -> Changes | None:
        """Return what has changed since ``version``, or None when that cannot be told."""
        boot, _, text = (version or "").rpartition("-")
        first = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
        if boot != self._boot or first is None or first > self.number:
            return None
        if len(self._log) == MOST_CHANGES and self._log[0][0] > first:
            return None
        last: dict[str, Change] = {}
        for number, change, one in self._log:
            if number > first:
                last[one] = _joined(last.get(one), change)
        pick = {
            kind: tuple(one for one, what in last.items() if what == kind) for kind in ("added", "changed", "removed")
        }
        return Changes(pick["added"], pick["changed"], pick["removed"])


def _joined(before: Change | None, now: Change) -> Change:
    """Return what two changes of one compute amount to."""
    if before == "added" and now == "changed":
        return "added"
    return "changed" if before == "removed" and now == "added" else now


def problems_of(listings: Sequence[Listing]) -> tuple[Problem, ...]:
    """Return the errors of these lists; what concerns a caller as a whole is said once and not for each kind."""
    found: dict[tuple[str, ...], Problem] = {}
    for one in listings:
        for error in (one.error, one.describe_error):
            if error is None:
                continue
            role = one.source.access_role.arn if one.source.access_role else None
            whole = isinstance(error, CredentialsExpired | InvalidCredentials | ConfigurationError) or (
                isinstance(error, AWSError) and str(error.iam_action).startswith("sts:")
            )
            kind, region = (None, None) if whole else (one.lister.kind, one.source.region)
            problem = Problem(error, kind, region, one.source.profile, role)
            found.setdefault((error.code, error.message, str(kind), str(region), str(role)), problem)
    return tuple(found.values())
