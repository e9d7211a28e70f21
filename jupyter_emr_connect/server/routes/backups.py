"""``backups``: the state of each notebook's copy in S3, uploading at once, its versions, and restoring them."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from ...errors import AWSUnavailable, RequestError
from ...executors import AWS, FILES, import_in_thread, run_in
from .base import AWS_DEADLINE_S, STORE_DEADLINE_S, EMRHandler, authorized_for

CONTENTS = "contents"  # jupyter_server's own resource: who may not see files does not see their backups


class BackupStatusHandler(EMRHandler):
    """Where each file's backup is."""

    deadline_s = STORE_DEADLINE_S

    @authenticated
    @authorized
    @authorized_for(CONTENTS)
    async def get(self) -> None:
        """Answer with the location's state and the items of ``path`` and below it, or of all."""
        path = (self.query("path") or "").strip("/")
        self.answer(await self.while_wanted(run_in(FILES, self.services.backups.status, path)))


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


class BackupVersionsHandler(EMRHandler):
    """The states of one file that S3 has."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    @authorized_for(CONTENTS)
    async def get(self) -> None:
        """Answer with the states of ``path``, the newest first."""
        path = self.query("path") or ""
        backups = self.services.backups
        found = await self.while_wanted(run_in(AWS, lambda: backups.restorer(path).versions(path)))
        self.answer(found.to_json())


class BackupContentHandler(EMRHandler):
    """One state of a notebook, to be compared."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    @authorized_for(CONTENTS)
    async def get(self) -> None:
        """Answer with the notebook of ``path`` as it was in ``version_id``, the latest where that is left out."""
        path, version_id = self.query("path") or "", self.query("version_id")
        backups = self.services.backups
        notebook = await self.while_wanted(run_in(AWS, lambda: backups.restorer(path).notebook(path, version_id)))
        self.answer({"content": notebook})


class BackupRestoreHandler(EMRHandler):
    """Brings a state of a file back."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    @authorized_for(CONTENTS)
    async def post(self) -> None:
        """Restore ``version_id`` of ``path``, as the file ``to`` or only its cell ``cell_id``; the present is kept."""
        sent = self.fields(required=("path",), optional=("version_id", "to", "cell_id"))
        path, version_id, to, cell_id = (sent.get(name) or "" for name in ("path", "version_id", "to", "cell_id"))
        if to and cell_id:
            message = "'to' and 'cell_id' do not go together: a cell is put into the present notebook."
            raise RequestError(message, fix="Send one of them.")
        backups = self.services.backups
        await self.in_time(backups.refresh(to or path))
        if cell_id:
            work = run_in(AWS, lambda: backups.restorer(path).restore_cell(path, version_id or None, cell_id))
        else:
            work = run_in(AWS, lambda: backups.restorer(path).restore(path, version_id or None, to or None))
        restored = await self.in_time(work)
        await self.in_time(backups.give_back(restored.path, restored.saved_present_as or restored.path))
        backups.at(path).worker.wake()
        self.answer(restored.to_json())


class BackupConflictHandler(EMRHandler):
    """Both sides of a file that was changed here and in S3."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    @authorized_for(CONTENTS)
    async def get(self) -> None:
        """Answer with both sides, the cells in which they differ, and the merged notebook where it is clean."""
        await import_in_thread("services.backups.conflicts")
        from ...services.backups.conflicts import describe

        path = (self.query("path") or "").strip("/")
        uploader = await self.while_wanted(run_in(AWS, self.services.backups.at(path).worker.uploader))
        await self.while_wanted(self.services.backups.refresh(path))
        self.answer(await self.while_wanted(run_in(AWS, describe, uploader, path)))


class BackupResolveHandler(EMRHandler):
    """Ends a conflict."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    @authorized_for(CONTENTS)
    async def post(self) -> None:
        """Do what the user has chosen about ``path``."""
        await import_in_thread("services.backups.conflicts")
        from ...services.backups.conflicts import CHOICES, resolve

        fields = self.fields(required=("path", "choice"))
        choice = next((choice for choice in CHOICES if choice == fields["choice"]), None)
        if choice is None:
            message = f"There is no choice {str(fields['choice'])[:40]!a}."
            raise RequestError(message, fix=f"Choose one of {', '.join(CHOICES)}.")
        path = str(fields["path"]).strip("/")
        backups = self.services.backups
        uploader = await self.in_time(run_in(AWS, backups.at(path).worker.uploader))
        await self.in_time(backups.refresh(path))
        answer = await self.in_time(run_in(AWS, resolve, uploader, path, choice))
        await self.in_time(backups.give_back(path, answer["saved_present_as"] or path))
        backups.at(path).worker.wake()
        self.answer(answer)
