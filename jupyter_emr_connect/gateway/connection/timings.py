"""How long the connection to a kernel waits for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConnectionTimings:
    """Waits of one kernel's WebSocket, all in seconds; a test passes shorter ones.

    Watching: the peer is looked at every ``look_every_s``, pinged every ``ping_every_s``, and taken for gone after
    ``silence_s`` without a byte. A peer that was heard within ``fresh_s`` is trusted with a message; beyond, it must
    answer a ping first.

    Reconnecting: pauses from ``first_pause_s`` to ``last_pause_s``; an attempt may take ``first_attempt_s``, doubled
    each time up to ``last_attempt_s``. When one is not answered within ``second_after_s``, another is made beside it
    under a session of its own: opening takes a few round trips to a gateway that is well.
    """

    look_every_s: float = 1.0
    ping_every_s: float = 5.0
    silence_s: float = 12.0
    fresh_s: float = 2.0
    first_pause_s: float = 0.2
    last_pause_s: float = 10.0
    first_attempt_s: float = 6.0
    last_attempt_s: float = 30.0
    second_after_s: float = 0.3


DEFAULT_TIMINGS = ConnectionTimings()
