"""What Jupyter does to files: one dispatcher of the contents service's events, and attachments that follow renames.

Attachments are renamed and moved along with their files, and dropped when these are deleted, unless git may bring them
back. So are the kernels that notebooks have in the ledger, but for deleting: a kernel whose notebook is gone is an
orphan. A copy gets no attachment of its own: a runtime role is chosen for a notebook, and the copy's folder may have
one. Nor does a new notebook by the name of one that was removed.
"""

from __future__ import annotations

import asyncio
import logging
import os
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
        self._followed: set[_Place] = set()
        # One thread, so that two renames of one file are followed in their order.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="emr-connect-follow")

    def __call__(self, event: ContentsEvent) -> None:
        """Take one event; called by the dispatcher on the server's loop."""
        if event.action in ("rename", "delete", "copy"):
            self._thread.submit(self._follow, event)

    def before_save(self, *, model: dict[str, Any], path: str, **_: object) -> None:
        """Take note of a new file that Jupyter makes where one was removed; a hook of the contents manager.

        It is told by having no content: a tab whose notebook was removed on the disk (by ``git checkout``, say) and
        that is saved goes on with its attachment.
        """
        if self._paths.root is not None and _is_blank(model) and not os.path.lexists(self._paths.written(path)):
            self._thread.submit(self._follow, ContentsEvent("new", path.strip("/"), "", _source.get()))

    @contextmanager
    def following(self, key: str) -> Iterator[Callable[[], str | None]]:
        """Give, for a block, what returns the key that a notebook or folder has by now; None where it was deleted.

        For contents that are no files; ``services.attachments.whereabouts`` does it for files.
        """
        place = _Place(key)
        self._followed.add(place)
        try:
            yield lambda: place.key
        finally:
            self._followed.discard(place)

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
            elif event.action == "delete":
                self._delete(event.path)
            else:
                self._drop_former(event.path)
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
        for place in list(self._followed):
            if place.key is not None and (place.key == old or place.key.startswith(f"{old}/")):
                place.key = new + place.key[len(old) :]
        store = open_attachments(self._config)
        moved = store.below(old)
        store.move(old, new)
        for attachment in moved:
            rest = attachment.path[len(old) :]
            self._tell("move", attachment, f"{path}{rest}", former_path=f"{former_path}{rest}")
        Ledger(Database(self._config.state_file)).move(old, new)

    def _delete(self, path: str) -> None:
        from ..services.attachments.resolution import open_attachments
        from ..services.git import is_tracked

        key = self._paths.former_key(path)
        if self._paths.root is not None and Path(key).exists():  # made anew in the meantime
            return
        for place in list(self._followed):
            if place.key is not None and (place.key == key or place.key.startswith(f"{key}/")):
                place.key = None
        store = open_attachments(self._config)
        for attachment in store.below(key):
            if not (self._paths.root is not None and is_tracked(attachment.path)):
                store.remove(attachment.path)
                self._tell("drop", attachment, f"{path}{attachment.path[len(key) :]}")

    def _drop_former(self, path: str) -> None:
        """Drop the attachment of a notebook that had the name of one just made."""
        from ..services.attachments.resolution import open_attachments

        key, store = self._paths.former_key(path), open_attachments(self._config)
        if (attachment := store.at(key)) is not None:
            store.remove(key)
            self._tell("drop", attachment, path)


@dataclass(eq=False)
class _Place:
    """Where something is that may be renamed; None once it was deleted."""

    key: str | None


def _is_blank(model: dict[str, Any]) -> bool:
    """Say whether a model to be saved is a new file as Jupyter makes it: a notebook without cells, or an empty text."""
    content = model.get("content")
    if model.get("type") == "notebook":
        return isinstance(content, dict) and not content.get("cells")
    return model.get("type") == "file" and content == ""
