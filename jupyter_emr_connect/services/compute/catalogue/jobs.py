"""The two jobs of the catalogue: reading one list to its end, and describing some of its rows. They run in workers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from ....aws.budget import RESERVE_SHARE, background
from ....aws.session import AWSSession
from ....aws.sts import account_within
from ....errors import AWSError, AWSUnavailable, CredentialsExpired, EMRConnectError, InvalidCredentials, Throttled
from ....models import Compute
from ..lookup import with_source
from .listing import Listing, ListingRow
from .polling import MAX_BACK_OFF_S
from .state import CatalogueState
from .view import Changes

log = logging.getLogger(__name__)

AT_ONCE = 5
# The share of AWS's rates that rows which somebody sees leave to one who attaches.
LOOKED_AT_RESERVE = 0.2
ACCOUNT_TIMEOUT_S = 3.0
PAUSE_S = 1.0
FAILURE_PAUSE_S = 15.0


Job = Callable[[CatalogueState, Listing], None]


def do(job: Job, state: CatalogueState, listing: Listing) -> None:
    """Do one of the jobs below; after a defect in one the list says so, and is due again, rather than never more."""
    try:
        job(state, listing)
    except Exception as defect:
        error, now = _unexpected(defect), state.clock()
        with state.changing() as record:
            if job is read_list:
                listing.finish(now, pages=0, error=error, listed_at=now)
            else:
                listing.describing, listing.describe_error = 0, error
                listing.describe_at = now + FAILURE_PAUSE_S
            record(listing, news=True)


def read_list(state: CatalogueState, listing: Listing) -> None:
    """Read one list, page by page; rows show and are kept as they come, and those that are gone leave at the end.

    So a list of many pages that a restart cuts off begins with the rows that it had.
    """
    seen: set[str] = set()
    begun = state.clock()
    pages, error = 0, None
    try:
        for page in _pages(listing):
            if state.closed:
                return
            pages += 1
            rows = [with_source(one, listing.source) for one in page]
            seen.update(one.id for one in rows)
            with state.changing() as record:
                added, changed = listing.upsert(rows, state.clock())
                record(listing, Changes(_ids(added), _ids(changed)))
            if added or changed:
                state.save(listing, (*_ids(added), *_ids(changed)))
    except EMRConnectError as problem:
        error = problem
    except Exception as defect:
        error = _unexpected(defect)
    with state.changing() as record:
        gone = listing.retain(seen) if error is None else []
        record(listing, Changes(removed=tuple(gone)))
    # Before it is said that all is read, since a command may end then.
    if error is None:
        state.save(listing, gone, begun)
    with state.changing() as record:
        news = listing.finish(state.clock(), pages=pages, error=error, listed_at=begun)
        record(listing, news=news)


def _pages(listing: Listing) -> Iterator[list[Compute]]:
    session = listing.source.session()
    if session.offers(listing.lister.service):
        account_within(session, ACCOUNT_TIMEOUT_S)  # so that callers of one account share its rates
        yield from listing.lister.pages(session, ended=listing.ended)


def _ids(rows: list[ListingRow]) -> tuple[str, ...]:
    return tuple(row.compute.id for row in rows)


def describe_some(state: CatalogueState, listing: Listing) -> None:
    """Describe a few rows, as many as AWS's rates leave room for now: those that are looked at, then new ones."""
    left: list[str] = []
    put: list[str] = []
    problem: EMRConnectError | None = None
    room = 0
    try:
        with background(LOOKED_AT_RESERVE if listing.wanted else RESERVE_SHARE):
            session = listing.source.session()
            room = min(AT_ONCE, session.free(listing.lister.service, listing.lister.operation))
            left = state.choose(listing, room)
            while left and not state.closed:
                _describe(state, listing, session, left[0])
                put.append(left.pop(0))
    except EMRConnectError as error:
        problem = error
    except Exception as defect:
        problem = _unexpected(defect)
    state.save(listing, put)
    with state.changing() as record:
        listing.describing = 0
        pause = 0.0 if room else PAUSE_S
        if problem is not None:
            if left:
                listing.put_back(left, left[0])
            listing.describe_failures += 1
            pause = min(FAILURE_PAUSE_S * 2.0 ** min(listing.describe_failures - 1, 10), MAX_BACK_OFF_S)
            record(listing, news=type(problem) is not type(listing.describe_error))
            listing.describe_error = problem
        listing.describe_at = state.clock() + pause


def _describe(state: CatalogueState, listing: Listing, session: AWSSession, compute_id: str) -> None:
    """Describe one row and show it; a row that AWS refuses to describe says so and waits.

    Raises what would be so for any other row as well.
    """
    refusal: EMRConnectError | None = None
    found: Compute | None = None
    try:
        found = listing.lister.describe(session, compute_id)
    except (Throttled, AWSUnavailable, CredentialsExpired, InvalidCredentials):
        raise
    except AWSError as error:
        refusal = error
    with state.changing() as record:
        now, changed = state.clock(), False
        if refusal is not None:
            changed = listing.put_access_denied(compute_id, f"Not known: {refusal.message}", now)
            state.hand_over(listing, compute_id)
        elif found is not None:
            changed = listing.put(with_source(found, listing.source), now)
            listing.describe_failures = 0
        # Some may be refused and others not: what was refused is said as long as there is such a row.
        refusal = refusal or (listing.describe_error if listing.access_denied else None)
        news = type(refusal) is not type(listing.describe_error)
        listing.describe_error = refusal
        record(listing, Changes(changed=(compute_id,) if changed else ()), news=news)


def _unexpected(defect: Exception) -> EMRConnectError:
    log.error("The list of computes failed", exc_info=defect)
    return EMRConnectError(f"Something unexpected happened: {type(defect).__name__}.", fix="See the server's log.")
