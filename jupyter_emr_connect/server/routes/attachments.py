"""``attachments``: which notebook or folder runs on which compute."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from ...errors import AttachmentNotFound, EMRConnectError, RequestError
from ...executors import FILES, LEDGER, import_in_thread, run_in
from ...models import Attachment, Login
from .base import STORE_DEADLINE_S, EMRHandler

LOGIN = ("username", "password")


def login_in(sent: dict[str, str | None]) -> Login | None:
    """Return the user name and password in a body; raises ``RequestError`` for one without the other."""
    username, password = (sent.get(name) or "" for name in LOGIN)
    if bool(username) != bool(password):
        message = "The user name and the password go together: one of them is missing."
        raise RequestError(message, fix="Send both, or neither.")
    return Login(username, password) if username else None


class AttachmentHandler(EMRHandler):
    """What both routes share: paths as Jupyter writes them, and proving, which has a deadline of its own."""

    deadline_s = STORE_DEADLINE_S

    async def prepare(self, **options: Any) -> None:
        """Wait until renames that Jupyter has done are followed."""
        await super().prepare(**options)
        await self.while_wanted(self.services.attachment_follower.settled())

    def shown(self, attachment: Attachment) -> dict[str, Any]:
        """Return an attachment's JSON; its path is null where it is not within this server's folder."""
        return {**attachment.to_json(), "path": self.services.paths.api_path(attachment.path)}

    async def prove(self, request: Attachment, action: str, login: Login | None = None) -> dict[str, Any]:
        """Prove and keep an attachment, and tell the audit of it or of the refusal; return its JSON.

        ``kernels`` in it are those that go on under what was attached before. ``login`` is what the user typed for a
        compute that asks for a user name and password; it is kept in memory alone.
        """
        await import_in_thread("services.attachments.attach", "services.kernels.former_roles")
        from ...services.attachments.attach import attach, longest_attach
        from ...services.kernels.former_roles import kernels_under_former

        path = self.services.paths.api_path(request.path)
        try:
            self.extend_deadline(longest_attach(self.services.config) + STORE_DEADLINE_S)
            with self._following(request.path) as where:
                made, _ = await self.while_wanted(attach(self.services.config, request, where=where, login=login))
        except EMRConnectError as error:
            self.services.audit.attachment("refused", request, path or "", user=self.user_name, refusal=error)
            raise
        self.services.audit.attachment(action, made, self.services.paths.api_path(made.path) or "", user=self.user_name)
        kernels = await self.while_wanted(run_in(FILES, kernels_under_former, self.services.config, made))
        return {**self.shown(made), "kernels": [kernel.to_json() for kernel in kernels]}

    def _following(self, key: str) -> AbstractContextManager[Callable[[], str | None] | None]:
        """Return what tells where something is by now that is no file; files are followed by the system."""
        if self.services.paths.root is not None:
            return nullcontext()
        return self.services.attachment_follower.following(key)


class AttachmentsHandler(AttachmentHandler):
    """All attachments within the server's folder."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """List them by path; with ``path``, those that hold for it, the nearest first."""
        await import_in_thread("services.attachments.listing", "services.bodies")
        from ...services.attachments.listing import attachments_holding, attachments_within
        from ...services.bodies import list_body

        path = self.query("path")
        if path is not None:
            await self.while_wanted(self.services.paths.key(path))
            written = self.services.paths.written(path)
            found = await self.while_wanted(run_in(FILES, attachments_holding, self.services.config, written))
        else:
            work = run_in(FILES, attachments_within, self.services.config, self.services.paths.reaches)
            found = await self.while_wanted(work)
        self.answer(list_body(self.shown(attachment) for attachment in found))

    @authenticated
    @authorized
    async def post(self) -> None:
        """Attach a notebook or folder, in place of the attachment that it has."""
        await import_in_thread("services.attachments.resolution")
        from ...services.attachments.resolution import check_transport

        sent = self.fields(required=("compute", "path"), optional=("runtime_role", "transport", *LOGIN))
        wanted = Attachment(sent["compute"] or "", sent.get("runtime_role") or None)
        try:
            transport = check_transport(sent.get("transport") or "auto")
            key = await self.while_wanted(self.services.paths.key(sent["path"] or ""))
        except EMRConnectError as error:
            self.services.audit.attachment("refused", wanted, sent["path"] or "", user=self.user_name, refusal=error)
            raise
        made = await self.prove(replace(wanted, transport=transport, path=key), "attach", login_in(sent))
        self.set_header("Location", f"{self.request.path.rstrip('/')}/{made['id']}")
        self.answer(made, 201)


class OneAttachmentHandler(AttachmentHandler):
    """``attachments/{id}``: one attachment."""

    @authenticated
    @authorized
    async def get(self, attachment_id: str) -> None:
        """Answer with the attachment of this id."""
        self.answer(self.shown(await self._find(attachment_id)))

    @authenticated
    @authorized
    async def patch(self, attachment_id: str) -> None:
        """Change its compute, role or transport; what is left out stays, ``runtime_role: null`` takes the role away."""
        await import_in_thread("services.attachments.resolution")
        from ...services.attachments.resolution import check_transport

        sent = self.fields(optional=("compute", "runtime_role", "transport", *LOGIN))
        found = await self._find(attachment_id)
        if sent.get("compute") not in (None, found.compute):  # it may be anywhere
            found = replace(found, profile=None, region=None, access_role=None)
        wanted = replace(
            found,
            compute=sent.get("compute") or found.compute,
            runtime_role=(sent["runtime_role"] or None) if "runtime_role" in sent else found.runtime_role,
            transport=check_transport(sent.get("transport") or found.transport),
        )
        self.answer(await self.prove(wanted, "change", login_in(sent)))

    @authenticated
    @authorized
    async def delete(self, attachment_id: str) -> None:
        """End it; kernels that run go on running."""
        await import_in_thread("services.attachments.resolution")
        from ...services.attachments.resolution import open_attachments

        found = await self._find(attachment_id)
        await self.in_time(run_in(LEDGER, open_attachments(self.services.config).remove, found.path))
        path = self.services.paths.api_path(found.path) or ""
        self.services.audit.attachment("detach", found, path, user=self.user_name)
        self.set_status(204)
        await self.finish()

    async def _find(self, attachment_id: str) -> Attachment:
        await import_in_thread("services.attachments.listing")
        from ...services.attachments.listing import find_attachment

        found = await self.while_wanted(run_in(LEDGER, find_attachment, self.services.config, attachment_id))
        if found is None or not await self.while_wanted(run_in(FILES, self.services.paths.reaches, found.path)):
            message = f"There is no attachment {attachment_id[:80]!a} in this server's folder."
            raise AttachmentNotFound(message, fix="GET attachments lists those there are.")
        return found
