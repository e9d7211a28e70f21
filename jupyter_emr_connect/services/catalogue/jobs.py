"""The two jobs of the catalogue: reading one list to its end, and describing some of its rows. They run in workers."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...aws.budget import background
from ...aws.session import AWSSession
from ...aws.sts import account_of
from ...errors import AccessDenied, AWSUnavailable, EMRConnectError, Throttled
from ...models import Compute
from ..lookup import from_source
from .listing import Listing, Row
from .view import Changes

if TYPE_CHECKING:
    from .catalogue import LiveCatalogue

log = logging.getLogger(__name__)

AT_ONCE = 5
PAUSE = 1.0
PAUSE_AFTER_FAILURE = 15.0


def read_list(catalogue: LiveCatalogue, listing: Listing) -> None:
    """Read one list, page by page; rows show as they come, and those that are gone leave at the end."""
    seen: set[str] = set()
    put: dict[str, Row] = {}
    begun = catalogue.clock()
    pages, error = 0, None
    try:
        for page in _pages(listing):
            pages += 1
            rows = [from_source(one, listing.source) for one in page]
            seen.update(one.id for one in rows)
            with catalogue.changing() as change:
                added, changed = listing.upsert(rows, catalogue.clock())
                put.update((row.compute.id, row) for row in (*added, *changed))
                change(listing, Changes(_ids(added), _ids(changed)))
    except EMRConnectError as problem:
        error = problem
    except Exception as defect:
        log.exception("Reading a list of computes failed")
        error = EMRConnectError(f"Something unexpected happened: {type(defect).__name__}.", fix="See the server's log.")
    with catalogue.changing() as change:
        gone = listing.retain(seen) if error is None else []
        news = listing.finish(catalogue.clock(), pages=pages, error=error, listed_at=begun)
        change(listing, Changes(removed=tuple(gone)), news=news)
    catalogue.keep(listing, list(put.values()), gone, begun if error is None else None)


def _pages(listing: Listing) -> Iterator[list[Compute]]:
    session = listing.source.session()
    with contextlib.suppress(Throttled, AWSUnavailable):
        account_of(session)  # so that callers of one account share its rates
    if session.offers(listing.lister.service):
        yield from listing.lister.pages(session, ended=listing.ended)


def _ids(rows: list[Row]) -> tuple[str, ...]:
    return tuple(row.compute.id for row in rows)


def describe_some(catalogue: LiveCatalogue, listing: Listing) -> None:
    """Describe a few rows, as many as AWS's rates leave room for now: those that are looked at, then new ones."""
    put: list[Row] = []
    pause = 0.0
    looked_at = bool(listing.wanted)
    with contextlib.nullcontext() if looked_at else background():
        try:
            session = listing.source.session()
            room = min(AT_ONCE, session.free(listing.lister.service, listing.lister.operation))
            with catalogue.changing():
                chosen = listing.next_to_describe(room)
                listing.describing = len(chosen) or 1
            for compute_id in chosen:
                put += _describe(catalogue, listing, session, compute_id)
            pause = 0.0 if room else PAUSE
        except EMRConnectError as error:
            pause = PAUSE_AFTER_FAILURE
            with catalogue.changing() as change:
                change(listing, news=listing.trouble is None)
                listing.trouble = error
    with catalogue.changing():
        listing.describing = 0
        listing.describe_at = catalogue.clock() + pause
    catalogue.keep(listing, put)


def _describe(catalogue: LiveCatalogue, listing: Listing, session: AWSSession, compute_id: str) -> list[Row]:
    """Describe one row and show it; a row that may not be described says so and is not asked for again."""
    trouble: EMRConnectError | None = None
    try:
        found = listing.lister.describe(session, compute_id)
    except AccessDenied as error:
        found, trouble = _not_known(listing, compute_id, error), error
    except (AWSUnavailable, Throttled) as error:
        with catalogue.changing() as change:
            if (row := _not_known(listing, compute_id, error)) is not None:
                listing.rows[compute_id] = Row(row)
                listing.queue[compute_id] = None
                change(listing, Changes(changed=(compute_id,)))
        raise
    if found is None:
        return []
    with catalogue.changing() as change:
        changed = listing.put(from_source(found, listing.source), catalogue.clock())
        news = type(trouble) is not type(listing.trouble)
        listing.trouble = trouble
        change(listing, Changes(changed=(compute_id,) if changed else ()), news=news)
        return [listing.rows[compute_id]]


def _not_known(listing: Listing, compute_id: str, error: EMRConnectError) -> Compute | None:
    old = listing.rows.get(compute_id)
    return replace(old.compute, reason=f"Not known: {error.message}") if old else None
