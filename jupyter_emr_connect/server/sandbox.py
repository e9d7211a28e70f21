"""The sandbox started from the panel: by `jupyter emr sandbox up`, after which this server uses it in place of AWS."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from logging import Logger
from typing import Any

from ..config import EMRConnect
from ..errors import SandboxError, SandboxRefused, SandboxStartError
from ..executors import FILES, run_in
from ..services.audit import Audit
from ..services.sandbox import missing_modules, use_as_aws
from ..tasks import watched

COMMAND = (sys.executable, "-c", "from jupyter_emr_connect.cli.main import main; main()", "sandbox")
COMPUTE, ROLE = "analytics", "EMRAnalyst"
"""What is proposed to be attached: the sandbox's cluster that wants a runtime role, and a role of the developer's."""
LINES_KEPT = 20


class ServerSandbox:
    """One for each server; its methods are called on the server's loop.

    ``on_ready`` is called once the server asks the sandbox in place of AWS. The sandbox goes on when the server ends.
    """

    command: Sequence[str] = COMMAND

    def __init__(self, config: EMRConnect, log: Logger, audit: Audit, on_ready: Callable[[], None]) -> None:
        self._config, self._log, self._audit, self._on_ready = config, log, audit, on_ready
        self._task: asyncio.Task[None] | None = None
        self._stage: str | None = None
        self._since: str | None = None
        self._problem: SandboxError | None = None
        self._proposal: dict[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON of ``GET sandbox``."""
        state = "starting" if self.is_starting else "used" if self._proposal else "none"
        return {
            "offered": self._config.offer_sandbox and not missing_modules(),
            "state": state,
            "stage": self._stage,
            "since": self._since,
            "problem": self._problem.to_json() if self._problem else None,
            "proposal": self._proposal,
        }

    @property
    def is_starting(self) -> bool:
        """Whether a start is under way."""
        return self._task is not None and not self._task.done()

    def start(self, *, kernels: int, user: str | None) -> None:
        """Begin to start it for a Jupyter user, unless that is under way; ``kernels`` are those on computes now.

        Raises ``SandboxRefused`` where it is switched off or not installed, or this server must keep its AWS.
        """
        if self.is_starting:
            return
        if not self._config.offer_sandbox:
            message = "The administrator of this server has switched the sandbox off in the panel."
            raise SandboxRefused(message, fix="Ask for EMRConnect.offer_sandbox, or use `jupyter emr sandbox up`.")
        if missing := missing_modules():
            message = f"The sandbox needs packages that are not installed: {', '.join(missing)}."
            raise SandboxRefused(message, fix="Run `pip install 'jupyter_emr_connect[sandbox]'`.")
        if self._config.backup_location or self._config.backup_locations:
            message = "Notebooks of this server are backed up to S3, which it could not reach any more."
            raise SandboxRefused(message, fix="Start another JupyterLab with `jupyter emr sandbox env`.")
        if kernels and not self._proposal:
            message = f"{kernels} kernels of this server run on AWS, and could not renew their credentials any more."
            raise SandboxRefused(message, fix="Shut them down first.")
        self._problem, self._stage = None, None
        self._since = datetime.now(timezone.utc).isoformat()
        self._task = watched(asyncio.get_running_loop().create_task(self._start(user)))

    async def cancel(self) -> None:
        """Break off a start, and wait until its command has ended; the sandbox ends by itself then."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _start(self, user: str | None) -> None:
        former = self._config.profile
        try:
            status = await self._ask("up")
            await run_in(FILES, use_as_aws, self._config, await self._ask("env"))
            compute = next(row for row in status["computes"] if row["name"] == COMPUTE)
            role = next(arn for arn in status["roles"] if arn.endswith(f"/{ROLE}"))
        except SandboxError as error:
            self._problem = error
        except (OSError, ValueError, LookupError, StopIteration) as error:
            self._log.warning("The sandbox cannot be used.", exc_info=error)
            self._problem = SandboxStartError(f"The sandbox cannot be used: {error}.", fix="The server's log has more.")
        else:
            self._proposal = {"compute": compute["id"], "runtime_role": role}
            self._audit.identity("change", os.environ.get("AWS_PROFILE"), former_profile=former, user=user)
            self._on_ready()
        finally:
            self._stage = None

    async def _ask(self, verb: str) -> dict[str, Any]:
        """Run a command of `jupyter emr sandbox` and return what it prints; its lines on stderr are stages."""
        process = await asyncio.create_subprocess_exec(
            *self.command,
            verb,
            "--json",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # also what it starts to install is ended with it
        )
        try:
            printed, said = await asyncio.gather(_read(process.stdout), self._follow(process.stderr))
            code = await process.wait()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            await process.wait()
            raise
        if code:
            raise _error_of(said)
        found: dict[str, Any] = json.loads(printed)
        return found

    async def _follow(self, stream: asyncio.StreamReader | None) -> list[str]:
        """Take each line for the stage that begins, and return the last ones."""
        lines: list[str] = []
        while stream and (line := await stream.readline()):
            self._stage = line.decode(errors="replace").strip()
            lines = [*lines[-LINES_KEPT:], self._stage]
        return lines


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream else b""


def _error_of(lines: Sequence[str]) -> SandboxError:
    """Return the error that a command said in its last line, as `--json` has it on stderr; else what it said."""
    try:
        body = json.loads(lines[-1])
        return SandboxStartError(str(body["message"]), fix=str(body["fix"]))
    except (IndexError, KeyError, TypeError, ValueError):
        said = " ".join(lines[-3:]) or "it said nothing"
        return SandboxStartError(f"`jupyter emr sandbox up` failed: {said}", fix="Run it in a terminal.")
