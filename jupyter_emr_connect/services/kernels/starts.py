"""The starts and restarts of kernels that this process makes now: how far each is, and how to cancel it.

The provisioner enters them, REST shows and cancels them. A start has a row in the ledger only from its third stage on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ...errors import KernelStartCancelled
from ..stages import CREDENTIALS, GATEWAY, LIVY, READY, REQUESTED

# A start from nothing to a kernel that answers, by its stages; a restart in place has only the last two. Livy is looked
# for in place of a gateway.
STEPS = {CREDENTIALS: 1, GATEWAY: 2, LIVY: 2, REQUESTED: 3, READY: 4}

_running: dict[str, RunningStart] = {}


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


@dataclass
class RunningStart:
    """One start: written on the gateway loop, read on any thread. Times are ISO 8601.

    ``local_id`` is the kernel's id in Jupyter, ``path`` its notebook or folder in the file system once that is known.
    ``end`` ends the start from any thread; None where that cannot be, as it would lose the kernel of a restart.
    """

    local_id: str
    end: Callable[[], object] | None = None
    kernelspec: str = ""
    path: str | None = None
    stage: str = CREDENTIALS
    since: str = field(default_factory=_now)
    began_at: str = field(default_factory=_now)
    was_cancelled: bool = False

    @contextmanager
    def listed(self, kernelspec: str) -> Iterator[None]:
        """Have the start listed while the block runs."""
        self.kernelspec = kernelspec
        _running[self.local_id] = self
        try:
            yield
        finally:
            if _running.get(self.local_id) is self:
                del _running[self.local_id]

    def enter(self, stage: str) -> None:
        """Take note that a stage begins; called on the gateway loop."""
        self.stage, self.since = stage, _now()

    def cancel(self) -> bool:
        """End the start; False for a restart, which would lose its kernel. Called from any thread."""
        if self.end is None:
            return False
        self.was_cancelled = True
        self.end()
        return True

    def cancellation(self) -> KernelStartCancelled:
        """Return the error by which whoever asked for the start hears that it was cancelled."""
        return KernelStartCancelled("The start of the kernel was cancelled.", fix="Start it again when you want it.")

    def to_json(self) -> dict[str, Any]:
        """Return its JSON in ``starts`` of ``GET kernels``."""
        return {
            "local_id": self.local_id,
            "kernelspec": self.kernelspec,
            "path": self.path,
            "stage": self.stage,
            "step": STEPS.get(self.stage),
            "steps": STEPS[READY],
            "since": self.since,
            "began_at": self.began_at,
            "can_cancel": self.end is not None,
        }


def running_starts() -> list[RunningStart]:
    """Return the starts that run now in this process; called from any thread."""
    return list(_running.values())


def cancel_start(local_id: str | None) -> bool:
    """Cancel the start of the kernel with this id in Jupyter; False when there is none that can be cancelled."""
    start = _running.get(local_id or "")
    return start is not None and start.cancel()


os.register_at_fork(after_in_child=_running.clear)
