"""One kernel of transport ``livy``, from its start to its end: a local process whose cells run in a Spark session.

The process is given all that it needs, secrets included, on its stdin, and reports on a pipe which session it has. The
end of its stdin is the order to end; the session ends with it, or is left for the next process (``kernels adopt``).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import EMRConnectError, KernelGone, KernelStartFailed
from ..gateway.event_loop import gateway_loop
from ..http.deadlines import within
from ..livy.client import LivyClient
from ..services.stages import READY, REQUESTED
from .kernel_sockets import KernelSockets
from .ledger_entry import KernelStatus, LedgerEntry
from .stages import StartStages

if TYPE_CHECKING:
    from ..services.attachments.connect import LivyConnection

MODULE = "jupyter_emr_connect.magics.livy_kernel"
KEEP, END = b"keep\n", b"end\n"  # what becomes of the session when stdin ends (magics.livy_kernel)
END_WITHIN_S = 25.0  # for a process to delete its session
KINDS = {"python": "pyspark", "scala": "spark", "R": "sparkr"}  # by the language of our kernelspecs


@dataclass(frozen=True)
class ProcessSpec:
    """What process to start: ``address`` is where clients expect it, ``handed`` the connection (``handover.py``).

    It serves on ``sockets``, which stay open between processes. ``kind`` is that of the session, ``ready_timeout`` in
    seconds.
    """

    connection: LivyConnection
    handed: Mapping[str, Any] = field(repr=False)
    kind: str
    address: Mapping[str, Any] = field(repr=False)
    sockets: KernelSockets = field(repr=False)
    env: Mapping[str, str] = field(repr=False)
    cwd: str | None
    ready_timeout: float


class SessionKernel:
    """A kernel as the provisioner drives it (:class:`~.launchers.LaunchedKernel`). Lives on the gateway loop."""

    was_taken = False

    def __init__(self, spec: ProcessSpec, entry: LedgerEntry, log: logging.Logger | Any) -> None:
        self.kernel_id = entry.record.kernel_id
        self.entry = entry
        self.status = KernelStatus(entry, lambda msg_type, content: None, lambda: None)
        self.reason = ""
        self.restart_pending = False
        self.exit_code: int | None = None
        self._spec = spec
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._ended = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._session: int | None = None

    async def start(self, stages: StartStages) -> None:
        """Start the process, and return when it serves; its first cell starts the session."""
        stages.enter(REQUESTED)
        await self.entry.add()
        try:
            await self._spawn(None)
            stages.enter(READY)
            await self._until_ready(stages)
        except BaseException as error:
            self.reason = str(error)
            await asyncio.shield(self.end())
            raise
        stages.end()
        await self._serve("started")

    async def adopt(self) -> None:
        """Go on with the session that another process left; raises ``KernelGone`` when Livy has it no more."""
        record = self.entry.record
        client = self._client()
        try:
            view = await client.session(int(record.remote_id)) if record.remote_id else None
        finally:
            await client.close()
        if view is None:
            await self.entry.delete()
            message = f"The kernel had no Spark session on {self._spec.connection.target.label} when it was left."
            raise KernelGone(message)
        self._session = int(view["id"])
        await self._spawn(self._session)
        await within(self._spec.ready_timeout, self._ready.wait())
        await self._serve("adopted")

    async def _serve(self, cause: str) -> None:
        self.entry.start_heartbeat(self._on_taken)
        await self.status.save("connected", cause)

    def _on_taken(self) -> None:
        """Take note that another process goes on with the session."""
        self.was_taken = True
        self.reason = "Another Jupyter server or computer took the kernel over."
        gateway_loop().keep(self._stop(keep=True))

    async def _spawn(self, session: int | None) -> None:
        """Start the process; it goes on with ``session`` where that is named."""
        await self._spec.sockets.open()
        sockets = self._spec.sockets.descriptors
        reading, writing = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", MODULE, str(writing)),
                stdin=asyncio.subprocess.PIPE,
                pass_fds=(writing, *sockets.values()),
                env=dict(self._spec.env),
                cwd=self._spec.cwd,
                start_new_session=True,
            )
        except OSError as error:
            os.close(reading)
            message = f"The kernel's process could not be started: {error}."
            raise KernelStartFailed(message, fix="Check this machine's memory and limits.") from error
        finally:
            os.close(writing)
        self._ready, self._ended = asyncio.Event(), asyncio.Event()
        self.exit_code = None
        order = {
            "address": dict(self._spec.address),
            "sockets": sockets,
            "connection": dict(self._spec.handed),
            "kind": self._spec.kind,
            "name": f"emr-connect-{self.kernel_id}",
            "session": session,
            "persistent": self.entry.record.persistent,
        }
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
        gateway_loop().keep(self._watch(self._process, reading, self._ready, self._ended))

    async def _watch(
        self, process: asyncio.subprocess.Process, descriptor: int, ready: asyncio.Event, ended: asyncio.Event
    ) -> None:
        """Take in what one process reports, until its end."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(descriptor, "rb", buffering=0)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            async for line in reader:
                report = json.loads(line)
                if report["event"] == "ready":
                    ready.set()
                elif report["event"] == "session":
                    self._session = report["id"]
                    await self.entry.set_remote(self._session)
                elif report["event"] == "log":
                    self._log.log(report["level"], "Kernel %s: %s", self.kernel_id, report["text"])
        finally:
            transport.close()
        code = await process.wait()
        ended.set()
        if process is self._process and not self.restart_pending and self._ending is None:
            self._died(code)

    def _died(self, code: int) -> None:
        """Take note of a process that ended unasked by us; its session ends too, since its kernel is started anew."""
        if code == 0:  # a client has asked it to shut down
            self.exit_code = 0
            gateway_loop().keep(self.end())
            return
        self.reason = f"The kernel's process ended (exit code {code})."
        self.exit_code = code or 1
        self._log.error("Kernel %s: %s", self.kernel_id, self.reason)
        gateway_loop().keep(self.end())

    async def _until_ready(self, stages: StartStages) -> None:
        ready, ended = asyncio.ensure_future(self._ready.wait()), asyncio.ensure_future(self._ended.wait())
        try:
            first = asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
            await stages.bounded(first, self._spec.ready_timeout)
        finally:
            ready.cancel()
            ended.cancel()
        if not self._ready.is_set():
            message = "The kernel's process ended before it served."
            raise KernelStartFailed(message, fix="The log of Jupyter has what it printed.")

    async def over(self) -> int:
        """Wait for its end, or that of this life of it, and return the exit code."""
        while self.exit_code is None:
            await self._ended.wait()
            await asyncio.sleep(0)
            if self.exit_code is None:
                self.exit_code = 0
        return self.exit_code

    async def interrupt(self) -> None:
        """Interrupt what runs: the process cancels the statement."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)

    def pause_for_restart(self) -> None:
        """Look dead until :meth:`restart`; the process ends with its session."""
        if self._ending is None:
            self.restart_pending, self.exit_code = True, 0
            self._close_stdin(keep=False)

    async def restart(self, stages: StartStages) -> None:
        """Start another process at the same address; its first cell starts another session."""
        stages.enter(REQUESTED)
        await self._stop(keep=False)
        await self._spawn(None)
        stages.enter(READY)
        await self._until_ready(stages)
        stages.end()
        self.restart_pending, self.exit_code = False, None

    async def detach(self, cause: str, reason: str) -> None:
        """Leave the session to whoever takes it over; a kernel that has none yet ends."""
        if self._session is None or not self.entry.entered:
            await self.end()
            return
        if self._ending is None:
            self._ending = gateway_loop().keep(self._depart(cause, reason))
        await asyncio.shield(self._ending)

    async def _depart(self, cause: str, reason: str) -> None:
        await self._stop(keep=True)
        self.status.set("detached", cause, reason)
        await self.entry.release(cause, reason)

    async def end(self) -> None:
        """End the process and its session, once, however often this is called."""
        if self._ending is None:
            self._ending = gateway_loop().keep(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        try:
            clean = await self._stop(keep=False)
            await (self.entry.delete() if clean or await self._removed() else self._leave_undeleted())
        finally:
            self.exit_code = self.exit_code or 0
            self.restart_pending = False

    def _close_stdin(self, *, keep: bool) -> None:
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(KEEP if keep else END)
            self._process.stdin.close()

    async def _stop(self, *, keep: bool) -> bool:
        """End the process; returns whether it did so by itself, and so has seen to its session."""
        process = self._process
        if process is None:
            return True
        self._close_stdin(keep=keep)
        try:
            code = await within(END_WITHIN_S, process.wait())
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            code = await process.wait()
        self._ended.set()
        return code == 0

    async def _removed(self) -> bool:
        """Delete the sessions that a process which was killed has left; returns whether Livy could be asked."""
        prefix = f"emr-connect-{self.kernel_id}"
        client = self._client()
        try:
            for view in await client.sessions():
                if str(view.get("name") or "").startswith(prefix):
                    await client.delete(int(view["id"]))
        except EMRConnectError as error:
            self.reason = self.reason or str(error)
            return False
        finally:
            await client.close()
        return True

    async def _leave_undeleted(self) -> None:
        reason = f"Its session could not be deleted: {self.reason}"
        self._log.warning("Kernel %s: %s", self.kernel_id, reason)
        await self.entry.release("not deleted", reason, persistent=False)

    def _client(self) -> LivyClient:
        return LivyClient(self._spec.connection.target)
