"""What Jupyter does to files: one dispatcher of the contents service's events, and attachments that follow renames.

Attachments are renamed and moved along with their files, and dropped when these are deleted. So are the kernels that
notebooks have in the ledger, but for deleting: a kernel whose notebook is gone is an orphan. A copy gets no attachment
of its own: a runtime role is chosen for a notebook, and the copy's folder may have one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..config import EMRConnect
from .paths import PathMapper

CONTENTS_SCHEMA = "https://events.jupyter.org/jupyter_server/contents_service/v1"
Source = Literal["client", "recorder"]
# jupyter_events makes a task of each listener, which has the context of whoever emits.
_source: ContextVar[Source] = ContextVar("emr_connect_contents_source", default="client")


@contextmanager
def changes_by(source: Source) -> Iterator[None]:
    """Say who causes the contents events of a block; a client does, unless it is said."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


@dataclass(frozen=True)
class ContentsEvent:
    """Something that the contents manager has done; paths are API paths without slashes at their ends.

    ``action`` is ``get``, ``save``, ``rename``, ``delete`` or ``copy``; ``former_path`` is what was renamed or copied.
    """

    action: str
    path: str
    former_path: str
    source: Source


class ContentsEvents:
    """The one listener of a server's contents events; tells its subscribers in their order, on the server's loop.

    Events come after the fact and from a task of their own, so that no save or rename waits for a subscriber or fails
    by it. A subscriber is a plain function that returns at once; what blocks it gives to a thread.
    """

    def __init__(self, event_logger: Any, log: logging.Logger) -> None:
        self._log = log
        self._subscribers: list[Callable[[ContentsEvent], None]] = []
        event_logger.add_listener(schema_id=CONTENTS_SCHEMA, listener=self._dispatch)

    def subscribe(self, subscriber: Callable[[ContentsEvent], None]) -> None:
        """Tell a subscriber of every event from now on."""
        self._subscribers.append(subscriber)

    async def _dispatch(self, *, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        """Take one event; called by jupyter_events, in the order of the events."""
        path, former_path = (str(data.get(name) or "").strip("/") for name in ("path", "source_path"))
        event = ContentsEvent(data["action"], path, former_path, _source.get())
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception:
                self._log.exception("The %s of %a could not be followed.", event.action, event.path)


class AttachmentFollower:
    """Lets attachments and the ledger follow renames and deletes; subscribes to :class:`ContentsEvents`."""

    def __init__(self, config: EMRConnect, paths: PathMapper, log: logging.Logger, tell: Callable[..., object]) -> None:
        """Take what tells the audit of an attachment; it is called from the follower's thread."""
        self._config = config
        self._paths = paths
        self._log = log
        self._tell = tell
        self._failing = False
        # One thread, so that two renames of one file are followed in their order.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="emr-connect-follow")

    def __call__(self, event: ContentsEvent) -> None:
        """Take one event; called by the dispatcher on the server's loop."""
        if event.action in ("rename", "delete"):
            self._thread.submit(self._follow, event)

    async def settled(self) -> None:
        """Return when the events so far have been followed; awaited before attachments are read."""
        await asyncio.sleep(0)  # events of this turn of the loop come first
        await asyncio.wrap_future(self._thread.submit(lambda: None))

    def close(self) -> None:
        """Follow the events so far, then end; blocks; called when the server stops."""
        self._thread.shutdown()

    def _follow(self, event: ContentsEvent) -> None:
        try:
            if event.action == "rename":
                self._rename(event.former_path, event.path)
            else:
                self._delete(event.path)
            self._failing = False
        except Exception:
            if not self._failing:  # logged once, until it works again
                shown = event.former_path or event.path
                self._log.exception("The attachments could not follow the %s of %a.", event.action, shown)
            self._failing = True

    def _rename(self, former_path: str, path: str) -> None:
        from ..services.attachments.resolution import open_attachments
        from ..store.database import Database
        from ..store.ledger import Ledger

        if self._paths.is_link(path):  # the attachment is kept for what it leads to, which has not moved
            return
        old, new = self._paths.former_key(former_path), self._paths.former_key(path)
        store = open_attachments(self._config)
        moved = store.below(old)
        store.move(old, new)
        for attachment in moved:
            rest = attachment.path[len(old) :]
            self._tell("move", attachment, f"{path}{rest}", former_path=f"{former_path}{rest}")
        Ledger(Database(self._config.state_file)).move(old, new)

    def _delete(self, path: str) -> None:
        from ..services.attachments.resolution import open_attachments

        key = self._paths.former_key(path)
        if self._paths.root is not None and Path(key).exists():  # made anew in the meantime
            return
        store = open_attachments(self._config)
        dropped = store.below(key)
        store.remove_below(key)
        for attachment in dropped:
            self._tell("drop", attachment, f"{path}{attachment.path[len(key) :]}")
