"""What all routes share: whose they are, failures as JSON, bounded bodies, work that blocks, clients that leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.iostream import StreamClosedError
from tornado.web import Finish, HTTPError

from ...config import EMRConnect
from ...errors import EMRConnectError, StoreError
from ...http.deadlines import Deadline, deadline_of_calls, within
from ...services.audit import Audit
from ..backups.backups import ServerBackups
from ..catalogues import Catalogues
from ..contents_events import AttachmentFollower
from ..paths import PathMapper
from ..sandbox import ServerSandbox
from .error_responses import body_of, status_of
from .request_values import fields, flag, query_value

AWS_DEADLINE_S = 90.0  # of routes that ask AWS, which may throttle; an attempt takes 35 s at most
STORE_DEADLINE_S = 30.0  # of routes that read the state file or the disk alone
LARGEST_BODY = 64 * 1024
LARGEST_PART = 256 * 1024
SETTING = "emr_connect_services"
KERNELS = "kernels"  # jupyter_server's own resource, asked for besides ours by routes that do what its routes do
T = TypeVar("T")
Verb = TypeVar("Verb", bound=Callable[..., Any])


def authorized_for(resource: str, action: str | None = None) -> Callable[[Verb], Verb]:
    """Ask Jupyter's authorizer for a resource of Jupyter's own as well; ``action`` is the HTTP method's if None."""
    decorate: Callable[[Verb], Verb] = authorized(action, resource)
    return decorate


@dataclass(frozen=True)
class Services:
    """What handlers work with; one for each server, in ``settings[SETTING]``."""

    config: EMRConnect
    paths: PathMapper
    audit: Audit
    catalogues: Catalogues
    attachment_follower: AttachmentFollower
    backups: ServerBackups
    sandbox: ServerSandbox


class EMRHandler(APIHandler):
    """The base of all routes. Every verb of theirs is ``@authenticated`` and ``@authorized`` (``emr_connect``).

    A verb that does what one of Jupyter's own routes does is ``@authorized`` for that one's resource as well, so that
    what an administrator forbids there is not to be had here.

    Each says in ``deadline_s`` how many seconds one of its verbs may work, and in ``late_error`` what is to blame when
    that was not enough.
    """

    auth_resource = "emr_connect"
    deadline_s: float
    late_error: type[EMRConnectError] = StoreError
    _deadline: Deadline | None = None
    _running: asyncio.Future[Any] | None = None
    _client_left = False

    @property
    def services(self) -> Services:
        """What this server works with."""
        found: Services = self.settings[SETTING]
        return found

    @property
    def user_name(self) -> str | None:
        """The Jupyter user who asks, for the audit."""
        name: str | None = getattr(self.current_user, "username", None)
        return name

    async def prepare(self, **options: Any) -> None:
        """Check the client as Jupyter does, then the size of what it sent."""
        # A panel that polls is no activity: it would keep an idle server from being culled.
        self._track_activity = self.request.method != "GET"
        await super().prepare(**options)
        if len(self.request.body) > LARGEST_BODY:
            raise HTTPError(413, "The body is larger than 64 KiB.")

    def set_default_headers(self) -> None:
        """Nothing here may be kept by a cache."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def query(self, name: str) -> str | None:
        """Return a query value, None when it is left out; raises ``RequestError``."""
        return query_value(self.request.query_arguments, name)

    def flag(self, name: str) -> bool | None:
        """Return a query value that is ``true`` or ``false``, None when it is left out; raises ``RequestError``."""
        return flag(name, self.query(name))

    def fields(self, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()) -> dict[str, str | None]:
        """Return the text fields of the JSON body; raises ``RequestError``."""
        return fields(self.request.body, required=required, optional=optional)

    async def in_time(self, work: Awaitable[T]) -> T:
        """Await work that goes on when the client leaves; raises ``late_error`` at the deadline of the request.

        Threads that work makes calls in see the same deadline, and end by it where they ask AWS.
        """
        if self._deadline is None:
            self._deadline = Deadline(self.deadline_s)
        try:
            with deadline_of_calls(self._deadline):
                return await within(max(0.0, self._deadline.left()), work)
        except asyncio.TimeoutError:
            message = f"Nothing came of it within {self.deadline_s:.0f} s."
            raise self.late_error(message, fix="Try again.") from None

    def extend_deadline(self, seconds: float) -> None:
        """Give the rest of the request so many seconds, for work whose deadline depends on the settings."""
        self.deadline_s, self._deadline = seconds, Deadline(seconds)

    async def while_wanted(self, work: Awaitable[T]) -> T:
        """Await work as :meth:`in_time` does; it is cancelled, and its deadline passes, when the client leaves."""
        self._running = asyncio.ensure_future(self.in_time(work))
        try:
            result: T = await self._running
        except asyncio.CancelledError:
            if self._client_left:
                raise Finish from None
            raise
        return result

    def on_connection_close(self) -> None:
        """Stop working for a client that has gone; called by tornado."""
        super().on_connection_close()
        self._client_left = True
        if self._running is not None and not self._running.done():
            self._running.cancel()
            if self._deadline is not None:
                self._deadline.expire()

    def answer(self, value: Any, status: int = 200) -> None:
        """Finish with JSON."""
        self.set_status(status)
        self.finish(json.dumps(value))

    async def answer_in_parts(self, parts: Iterable[bytes]) -> None:
        """Finish with JSON that comes in parts; a long one leaves as the client takes it."""
        self.set_header("Content-Type", "application/json")
        size = 0
        for part in parts:
            self.write(part)
            size += len(part)
            if size > LARGEST_PART:
                size = 0
                try:
                    await self.flush()
                    await asyncio.sleep(0)  # what the socket takes at once lets nobody else have a turn
                except StreamClosedError:
                    raise Finish from None  # the client has gone
        await self.finish()

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Give errors of ours their status; called by tornado."""
        error = kwargs.get("exc_info", (None, None))[1]
        super().send_error(status_of(error, status_code), **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the contract's error body; called by tornado."""
        if status_code == 405:
            self.set_header("Allow", ", ".join(verbs(type(self))))
        error = kwargs.get("exc_info", (None, None))[1]
        self.finish(json.dumps(body_of(error, status_code)))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Log errors of ours in a line, others as tornado does."""
        if isinstance(value, EMRConnectError):
            self.log.info("%s %s: %s", self.request.method, self.request.path, ascii(str(value)))
        else:
            super().log_exception(typ, value, tb)


def verbs(handler: type[EMRHandler]) -> list[str]:
    """Return the HTTP methods that a route has (``OPTIONS`` is Jupyter's, for other origins)."""
    return [name for name in handler.SUPPORTED_METHODS if name.lower() in vars(handler)]
