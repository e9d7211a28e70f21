"""Attachments follow what Jupyter does to files: renamed and moved along with them, dropped when they are deleted.

So do the kernels that notebooks have in the ledger, but for deleting: a kernel whose notebook is gone is an orphan.
A copy gets no attachment of its own: a runtime role is chosen for a notebook, and the copy's folder may have one.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..config import EMRConnect
from .paths import PathMapper

CONTENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"


class AttachmentFollower:
    """Listens to the contents service's events. A save or rename never waits for it and never fails by it."""

    def __init__(self, config: EMRConnect, places: PathMapper, log: logging.Logger) -> None:
        self._config = config
        self._places = places
        self._log = log
        self._failing = False
        # One thread, so that two renames of one file are followed in their order.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="emr-connect-follow")

    async def __call__(self, *, logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        """Take one event; called by jupyter_events on the server's loop, in the order of the events."""
        if data["action"] in ("rename", "delete"):
            self._thread.submit(self._follow, data["action"], data["path"], data.get("source_path") or "")

    async def settled(self) -> None:
        """Return when what was told so far has been followed; awaited before attachments are read."""
        await asyncio.sleep(0)  # events told in this turn of the loop come first
        await asyncio.wrap_future(self._thread.submit(lambda: None))

    def close(self) -> None:
        """Follow what has been told so far, then end; called when the server stops."""
        self._thread.shutdown()

    def _follow(self, action: str, path: str, source: str) -> None:
        try:
            if action == "rename":
                self._rename(source, path)
            else:
                self._delete(path)
            self._failing = False
        except Exception:
            if not self._failing:  # told once, until it works again
                self._log.exception("The attachments could not follow the %s of %a.", action, source or path)
            self._failing = True

    def _rename(self, source: str, path: str) -> None:
        from ..services.attachments.resolution import open_attachments
        from ..store.database import Database
        from ..store.ledger import Ledger

        if self._places.is_link(path):  # the attachment is kept for what it leads to, which has not moved
            return
        old, new = self._places.former_key(source), self._places.former_key(path)
        open_attachments(self._config).move(old, new)
        Ledger(Database(self._config.state_file)).move(old, new)

    def _delete(self, path: str) -> None:
        from ..services.attachments.resolution import open_attachments

        key = self._places.former_key(path)
        if self._places.root is not None and Path(key).exists():  # made anew in the meantime
            return
        open_attachments(self._config).remove_below(key)
