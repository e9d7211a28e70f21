"""The stages of one start of a kernel (``services.stages``): which one runs, how long each took, which failed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import EMRConnectError, KernelStartFailed
from ..http.deadlines import within
from ..services.stages import stage_listener

T = TypeVar("T")


@dataclass
class StartStages:
    """The start's progress. ``timings`` is seconds by stage, in order; the last one may still be running."""

    report: Callable[[str], None]
    timings: dict[str, float] = field(default_factory=dict)
    current: str = ""
    _since: float = 0.0

    def enter(self, name: str) -> None:
        """Begin a stage, which ends the one before; other names (``services.attachments.connect``) are stages too."""
        self.end()
        self.current = name
        self._since = time.monotonic()
        self.report(name)

    def end(self) -> None:
        """End the running stage."""
        if self.current:
            spent = time.monotonic() - self._since
            self.timings[self.current] = self.timings.get(self.current, 0.0) + spent
            self.current = ""

    async def bounded(self, work: Awaitable[T], seconds: float, waits_for: Callable[[], str] = str) -> T:
        """Await ``work``; failing to end in time, or failing at all, names the stage.

        ``waits_for`` tells what it still waited for when the time was over, or nothing.
        """
        began = time.monotonic()
        try:
            return await within(seconds, work)
        except asyncio.TimeoutError:
            spent = time.monotonic() - began  # less than ``seconds`` where a part of the work had its own limit
            found = f"still waiting for {awaited} after" if (awaited := waits_for()) else "nothing came of it within"
            message = f"Stage '{self.current}': {found} {spent:.0f} s."
            raise KernelStartFailed(message, fix="Try again; see the gateway's log if it stays so.") from None
        except EMRConnectError as error:
            error.message = f"Stage '{self.current}': {error.message}"
            raise


def reporter(log: Any, kernel_id: str, enter: Callable[[str], None]) -> Callable[[str], None]:
    """Return what is told of each stage: the log, ``enter``, and the face that listens, on its own loop.

    Called on the loop of that face, the result on the gateway loop.
    """
    listener = stage_listener.get()
    caller = asyncio.get_running_loop()

    def report(name: str) -> None:
        log.info("Kernel %s: %s", kernel_id, name)
        enter(name)
        if listener is not None:
            with contextlib.suppress(RuntimeError):  # the caller's loop is closed
                caller.call_soon_threadsafe(listener, name)

    return report
