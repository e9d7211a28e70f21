"""``kernels/{id}/recording``: what a gateway kernel's runs have shown, for a front end that was not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado.web import HTTPError, authenticated

from ...errors import RequestError
from ...executors import FILES, run_in
from ...services.bodies import json_parts
from ..kernels.websocket import RECORDER
from ..recording.recorder import Recorder
from .base import KERNELS, STORE_DEADLINE_S, EMRHandler, authorized_for
from .request_values import words

if TYPE_CHECKING:
    from ..recording.writer import NotebookWriter


class RecordingHandler(EMRHandler):
    """The recording of a kernel, by the id that it has in this server. One that is not ours has none.

    It holds what cells printed, which Jupyter tells by the kernel's WebSocket alone: who may not ``execute`` there does
    not read it here.
    """

    deadline_s = STORE_DEADLINE_S

    @authenticated
    @authorized
    @authorized_for(KERNELS)
    @authorized_for(KERNELS, "execute")
    async def get(self, kernel_id: str) -> None:
        """Answer with the runs that the notebook may lack."""
        await self._give(self._writer(kernel_id), None)

    @authenticated
    @authorized
    @authorized_for(KERNELS)
    @authorized_for(KERNELS, "execute")
    async def post(self, kernel_id: str) -> None:
        """Answer as GET does, and write these runs no more: the front end that asks covers them from here on."""
        session = self.fields(required=("session",))["session"]
        writer = self._writer(kernel_id)
        if writer is not None and session not in writer.recording.sessions:
            message = "No front end with this session is connected to the kernel."
            raise RequestError(message, fix="Send the session_id of the kernel's WebSocket, while it is open.")
        await self._give(writer, session)

    @authenticated
    @authorized
    @authorized_for(KERNELS)
    @authorized_for(KERNELS, "execute")
    async def patch(self, kernel_id: str) -> None:
        """Forget the runs that a front end has saved as its user wants them."""
        sent = self.fields(required=("session", "saved"))
        writer = self._writer(kernel_id)
        if writer is not None:
            await writer.saved_by(sent["session"] or "", words(sent["saved"]))
        self.set_status(204)
        self.finish()

    def _writer(self, kernel_id: str) -> NotebookWriter | None:
        if kernel_id not in self.settings["kernel_manager"]:
            raise HTTPError(404, "There is no such kernel in this server.")
        recorder: Recorder = self.settings[RECORDER]
        return recorder.writer_of(kernel_id)

    async def _give(self, writer: NotebookWriter | None, session: str | None) -> None:
        """Answer; the memory of a long answer is freed by a thread, an output at a time."""
        answer = await self._answer(writer, session)
        try:
            await self.answer_in_parts(json_parts(answer))
        finally:
            await run_in(FILES, _let_go, [run["outputs"] for run in answer["runs"]])

    async def _answer(self, writer: NotebookWriter | None, session: str | None) -> dict[str, Any]:
        if writer is None:
            return {"recorded": False, "trouble": None, "versions": {}, "runs": []}
        runs = await self.in_time(writer.take_over(session))
        return {
            "recorded": True,
            "trouble": writer.recording.spool.last_error,
            "versions": writer.versions,
            "runs": runs,
        }


def _let_go(lists: Sequence[list[Any]]) -> None:
    """Empty the lists an item at a time, so that other threads run in between."""
    for items in lists:
        while items:
            items.pop()
