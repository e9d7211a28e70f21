"""Which rows of the list a user asks for, in which order, and which page of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ....errors import ConfigurationError
from ....models import Compute

KINDS = ("ec2", "eks", "serverless")
# A cluster that is being terminated is in the list of those that have ended.
ENDED_STATES = frozenset({"TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"})
MOST_ROWS = 10_000

Key = Callable[[Compute], Any]
SORTS: Mapping[str, Key] = {
    "name": lambda one: (one.name.casefold(), one.id),
    "created_at": lambda one: (one.created_at or "", one.id),
    "state": lambda one: (one.state, one.id),
    "kind": lambda one: (KINDS.index(one.kind), one.id),
    "region": lambda one: (one.region, one.id),
    "account": lambda one: (one.account, one.id),
    "release": lambda one: (one.release or "", one.id),
    "attachable": lambda one: (one.attachable, one.id),
}


@dataclass(frozen=True)
class Query:
    """A question to the list. Empty tuples and texts ask for everything.

    ``q`` is words that must all occur in a compute's id, name, ARN, release, applications or tags. ``ended`` asks also
    for computes that have ended lately, which asking for such a state does as well; states are compared in capital
    letters, in which AWS writes them. ``sort`` is one of :data:`SORTS`,
    with ``-`` before it for the reverse order. ``limit`` None means all rows from ``offset`` on.
    """

    kinds: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    attachable: bool | None = None
    q: str = ""
    ended: bool = False
    sort: str = "-created_at"
    offset: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be asked; raises ``ConfigurationError``."""
        for kind in self.kinds:
            if kind not in KINDS:
                message = f"{kind[:40]!r} is not a kind of compute."
                raise ConfigurationError(message, fix=f"Use one of {', '.join(KINDS)}.")
        if self.sort.removeprefix("-") not in SORTS:
            message = f"{self.sort[:40]!r} is not something to sort by."
            raise ConfigurationError(message, fix=f"Use one of {', '.join(SORTS)}, with - before it for the reverse.")
        if self.offset < 0 or (self.limit is not None and self.limit < 1):
            message = f"There is no page of {self.limit} rows from row {self.offset} on."
            raise ConfigurationError(message, fix="Begin at 0 or later, and ask for one row at least.")
        object.__setattr__(self, "states", tuple(state.upper() for state in self.states))

    @property
    def wants_ended(self) -> bool:
        """Whether computes that have ended are asked for, which takes a list of its own."""
        return self.ended or bool(ENDED_STATES & set(self.states))

    def covers(self, kind: str, region: str | None) -> bool:
        """Whether rows of this kind and region could match; a region that is not known yet could."""
        return (not self.kinds or kind in self.kinds) and (not self.regions or region is None or region in self.regions)

    def matching(self, computes: Iterable[Compute]) -> list[Compute]:
        """Return the computes that match the query, sorted."""
        words = self.q.casefold().split()
        found = [one for one in computes if self._matches(one) and all(word in haystack(one) for word in words)]
        found.sort(key=SORTS[self.sort.removeprefix("-")], reverse=self.sort.startswith("-"))
        return found

    def page(self, found: Sequence[Compute]) -> Sequence[Compute]:
        """Return the page that the query asks for of the computes that match."""
        end = None if self.limit is None else self.offset + self.limit
        return found[self.offset : end]

    def _matches(self, one: Compute) -> bool:
        return (
            (not self.kinds or one.kind in self.kinds)
            and (not self.regions or one.region in self.regions)
            and (not self.states or one.state in self.states)
            and (not self.accounts or one.account in self.accounts)
            and (self.attachable is None or one.attachable is self.attachable)
        )


def haystack(one: Compute) -> str:
    """Return the text in which words are searched, in small letters."""
    tags = (text for pair in one.tags.items() for text in pair)
    parts = (one.id, one.name, one.arn, one.release or "", one.account, *one.applications, *tags)
    return "\n".join(parts).casefold()
