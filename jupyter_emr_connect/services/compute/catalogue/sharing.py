"""Computes that several sources see: each is shown once, and described through one source only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile

from ....models import Compute
from .listing import Listing
from .view import NOTHING, Changes

# What another source may see as well waits so long to be described, until the source before it has listed it.
HEAD_START_S = 2.0


def distinct(listings: Iterable[Listing]) -> list[Compute]:
    """Return the computes of several lists, each once.

    What has ended has ended; else a list that AWS answers counts before one that fails, then the first of the sources,
    unless only another one could describe the compute.
    """
    found: dict[tuple[str, str, str], Compute] = {}
    for listing in sorted(listings, key=lambda one: (not one.ended, one.error is not None)):
        for row in listing.rows.values():
            one = row.compute
            shown = found.setdefault((one.kind, one.id, one.account), one)
            if shown is not one and one.details and not shown.details and one.state == shown.state:
                found[one.kind, one.id, one.account] = one
    return list(found.values())


def want(listings: Sequence[Listing], kind: str, compute_id: str, now: float, among: int = 1) -> None:
    """Describe a compute soon that is looked at, through the first source that is able to."""
    for listing in _with(listings, kind, compute_id):
        listing.want(compute_id, now, among)
        if _answers(listing, compute_id):
            return


def waits_for_others(listings: Sequence[Listing], listing: Listing, now: float) -> bool:
    """Whether a source before this one is just about to list the same region for the first time."""
    same = (listing.lister.kind, listing.source.region)
    return any(
        (one.lister.kind, one.source.region) == same
        and not one.passed
        and one.running_since is not None
        and now - one.running_since < HEAD_START_S
        for one in takewhile(lambda one: one is not listing, listings)
    )


def leave_to_others(listings: Sequence[Listing], listing: Listing) -> None:
    """Take out of what waits to be described what a source before this one describes as well."""
    kind = listing.lister.kind
    before = [one for one in takewhile(lambda one: one is not listing, listings) if one.lister.kind == kind]
    for compute_id in listing.wanted.keys() | listing.queue.keys() if before else ():
        mine = listing.rows[compute_id].compute
        for one in _with(before, kind, compute_id):
            theirs = one.rows[compute_id].compute
            if _answers(one, compute_id) and (theirs.account, theirs.state) == (mine.account, mine.state):
                listing.settle(compute_id)


def hand_over(listings: Sequence[Listing], listing: Listing, compute_id: str) -> None:
    """Let the other sources that see a compute try, which this one may not describe."""
    for one in _with(listings, listing.lister.kind, compute_id):
        row = one.rows[compute_id]
        if one is not listing and row.described_at is None and one.lister.worth_describing(row.compute):
            one.queue[compute_id] = None


def seen_in(listings: Sequence[Listing], changes: Changes) -> Changes:
    """Return the changes as one sees them who looks at these lists: a compute may leave one and be in another."""
    if changes == NOTHING:
        return changes
    kinds = {one.lister.kind for one in listings}
    touched = (*changes.added, *changes.changed, *changes.removed)
    present = {one for one in touched if next(_with(listings, *one.split("/", 1)), None) is not None}
    gone = [one for one in touched if one not in present and one.split("/", 1)[0] in kinds]
    return Changes(
        added=tuple(one for one in changes.added if one in present),
        changed=tuple(one for one in (*changes.changed, *changes.removed) if one in present),
        removed=tuple(gone),
    )


def _with(listings: Iterable[Listing], kind: str, compute_id: str) -> Iterator[Listing]:
    return (one for one in listings if one.lister.kind == kind and compute_id in one.rows)


def _answers(listing: Listing, compute_id: str) -> bool:
    return listing.error is None and listing.describe_error is None and compute_id not in listing.access_denied
