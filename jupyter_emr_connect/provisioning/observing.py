"""The way from a kernel to the recorder of the server that it runs in, which this layer may not import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..gateway.observer import Observer

Observe = Callable[[str, Any], Observer | None]
ATTRIBUTE = "emr_connect_recorder"  # of the server's kernel manager (server.recorder)


def recorder_of(kernel_manager: Any, kernel_id: str) -> Observe | None:
    """Return what makes a bridge's observer from the kernel's id on its gateway and the bridge's ``publish``.

    None where no server with our extension runs the kernel: nbclient, a console. Called on the server's loop.
    """
    recorder = getattr(getattr(kernel_manager, "parent", None), ATTRIBUTE, None)
    observe: Observe | None = recorder.attach(kernel_id) if recorder is not None else None
    return observe
