"""``compute`` and ``runtime-roles``: the live list, one compute with its details, and the roles to take on one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from ...config import EMRConnect
from ...errors import AWSUnavailable, ComputeNotFound, ConfigurationError, RequestError
from ...executors import AWS, FILES, import_in_thread, run_in
from .base import AWS_DEADLINE_S, EMRHandler
from .request_values import checked_text, number, words

if TYPE_CHECKING:
    from ...models import Compute
    from ...services.compute.catalogue import LiveCatalogue, Query, View

FIRST_ROWS = 2  # seconds that an answer waits for a first list worth showing, unless `wait` says otherwise
SCREENFUL = 200  # rows that are worth showing before the rest is there
REFRESHED = 10  # seconds that an answer waits for a refresh
LONGEST_WAIT = 30
# A list that is being read changes with every page; a client that waits is answered at this pace at most.
PACE = 0.15


class ComputesHandler(EMRHandler):
    """The list. It shows at once what is known and says whether that is complete; ``wait`` waits for news."""

    deadline_s = LONGEST_WAIT + 15.0
    late_error = AWSUnavailable

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer with a page of the list, what stands in its way, and what has changed since a version."""
        await import_in_thread("services.compute.catalogue")
        query, since, refresh = self._query(), self.query("since"), self.flag("refresh") or False
        wait = number("wait", self.query("wait"), least=0, most=LONGEST_WAIT)
        catalogue = await self.while_wanted(run_in(FILES, self.services.catalogues.get))
        view = await self.while_wanted(run_in(FILES, catalogue.view, query, since=since, refresh=refresh))
        enough, usual = patience(since, refresh, wait)
        seconds = usual if wait is None else wait
        if seconds and not enough(view):
            view = await self.while_wanted(self._wait(catalogue, query, since, seconds, enough))
        parts = await self.while_wanted(run_in(FILES, self.services.catalogues.body, view, query))
        await self.answer_in_parts(parts)

    def _query(self) -> Query:
        from ...services.compute.catalogue import Query
        from ...services.compute.catalogue.query import MOST_ROWS

        make = partial(
            Query,
            kinds=words(self.query("kind")),
            regions=words(self.query("region")),
            states=words(self.query("state")),
            accounts=words(self.query("account")),
            attachable=self.flag("attachable"),
            q=self.query("q") or "",
            ended=self.flag("ended") or False,
            sort=self.query("sort") or "-created_at",
            offset=number("offset", self.query("offset"), least=0, most=10**9 - 1) or 0,
            limit=number("limit", self.query("limit"), least=1, most=MOST_ROWS),
        )
        try:
            return make()
        except ConfigurationError as error:
            raise RequestError(error.message, fix=error.fix) from error

    async def _wait(
        self,
        catalogue: LiveCatalogue,
        query: Query,
        since: str | None,
        seconds: float,
        enough: Callable[[View], bool],
    ) -> View:
        """Return the first view that is enough, or the last one when the time is over."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        deadline = loop.time() + seconds

        def wake() -> None:
            loop.call_soon_threadsafe(changed.set)

        end = catalogue.subscribe(wake)
        try:
            while True:
                changed.clear()
                view = await run_in(FILES, catalogue.view, query, since=since)
                left = deadline - loop.time()
                if left <= 0 or enough(view):
                    return view
                try:
                    await asyncio.wait_for(changed.wait(), left)
                except asyncio.TimeoutError:
                    continue
                await asyncio.sleep(min(PACE, max(0.0, deadline - loop.time())))
        finally:
            end()


def patience(since: str | None, refresh: bool, wait: int | None) -> tuple[Callable[[View], bool], int]:
    """Return what an answer waits for, and for how many seconds unless the client says otherwise."""
    if since:
        return lambda view: view.version != since, 0
    if refresh:
        return lambda view: not view.refreshing, REFRESHED
    return (lambda view: view.complete) if wait else is_worth_showing, FIRST_ROWS


def is_worth_showing(view: View) -> bool:
    """Whether a first answer need not wait: all is known, there is a screenful, or the list of before a restart.

    A small list is described within a second, so that a client which asks once learns what it can attach to.
    """
    if view.stored or view.total >= SCREENFUL:
        return True
    described = not view.to_describe or view.as_of is None or time.time() - view.as_of > FIRST_ROWS
    return view.complete and described


class OneComputeHandler(EMRHandler):
    """One compute."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    async def get(self, kind: str, compute: str) -> None:
        """Describe it closely: ``compute`` is an id, an ARN or an unambiguous name."""
        text = checked_text("id", compute)
        found = await self.while_wanted(run_in(AWS, _describe, self.services.config, kind, text, self._known))
        self.answer(found.to_json(details=True))

    def _known(self, kind: str, compute: str) -> Compute | None:
        return self.services.catalogues.get().known(kind, compute)


def _describe(config: EMRConnect, kind: str, text: str, known: Callable[[str, str], Compute | None]) -> Compute:
    from ...services.compute.lookup import find, recorded_source

    seen = known(kind, text)
    sources = recorded_source(config, seen.profile, seen.region, seen.access_role) if seen else None
    found = find(config, text, sources=sources, kind=kind, depth="view")
    if found.kind != kind:
        message = f"{text[:80]!r} is of kind {found.kind}, not {kind[:20]!r}."
        raise ComputeNotFound(message, fix=f"GET compute/{found.kind}/{found.id}")
    return found


class RuntimeRolesHandler(EMRHandler):
    """The runtime roles offered to the user, for one compute or for all."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    async def get(self) -> None:
        """List roles in the order to offer them; ``compute`` is an id, an ARN or a name."""
        await import_in_thread("services.roles")
        from ...services.roles import offered_roles

        compute, refresh = self.query("compute") or None, self.flag("refresh") or False
        listed = await self.while_wanted(run_in(AWS, offered_roles, self.services.config, compute, refresh=refresh))
        self.answer(listed.to_json())
