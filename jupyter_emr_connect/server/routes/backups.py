"""``backups``: the state of each notebook's copy in S3, and uploading at once."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from ...executors import FILES, run_in
from .base import STORE_DEADLINE_S, EMRHandler, authorized_for

CONTENTS = "contents"  # jupyter_server's own resource: who may not see files does not see their backups


class BackupStatusHandler(EMRHandler):
    """Where each file's backup is."""

    deadline_s = STORE_DEADLINE_S

    @authenticated
    @authorized
    @authorized_for(CONTENTS)
    async def get(self) -> None:
        """Answer with the location's state and the items of ``path`` and below it, or of all."""
        from ...services.backups.status import off, status_of

        backups, path = self.services.backups, (self.query("path") or "").strip("/")
        if not backups.running:
            self.answer(off())
            return
        work = run_in(FILES, status_of, self.services.config, backups.store, path, backups.problem)
        self.answer(await self.while_wanted(work))


class BackupNowHandler(EMRHandler):
    """Uploads at once."""

    deadline_s = STORE_DEADLINE_S

    @authenticated
    @authorized
    @authorized_for(CONTENTS)
    async def post(self) -> None:
        """Let what waits of ``path``, or of all, be uploaded now; answers before it is."""
        path = self.fields(optional=("path",)).get("path") or ""
        waiting = await self.in_time(run_in(FILES, self.services.backups.now, path.strip("/")))
        self.answer({"waiting": waiting}, 202)
