"""The stages of a kernel's start: their names, and who wants to be told of them."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

CREDENTIALS = "credentials"
GATEWAY = "gateway"
LIVY = "livy"
CONNECTION_RETURNS = "waiting for the connection"
REQUESTED = "kernel requested"
READY = "kernel ready"

# Set by a face (``jupyter emr run``) before it starts a kernel; called on its own loop with each stage's name.
stage_listener: ContextVar[Callable[[str], None] | None] = ContextVar("emr_connect_stage_listener", default=None)
