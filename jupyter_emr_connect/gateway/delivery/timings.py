"""How long the delivery of a kernel's messages waits for what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeliveryTimings:
    """Waits of one kernel's delivery, all in seconds; a test passes shorter ones to the bridge.

    Replies: ``no_reply_after_s`` is from the end of an internal request's handling to the conclusion that the kernel
    has no reply to it.

    Gaps: ``gap_grace_s`` is how long a missing number may come by itself, since channels overtake one another; without
    a journal it counts as lost after ``gap_lost_s``.

    Journal: ``install_s`` is the wait for a journal's installation. A question that meets silence is put again after
    each of ``replay_retries_s``, since a gateway that still closes the old connection may not hear it, and after the
    last over another connection. An answer is no longer waited for after ``replay_silence_s`` without any message, or
    ``replay_total_s`` in all; it is then asked for again. ``replay_overtake_s`` is by how much it may come before what
    was sent earlier on another channel, ``replay_lag_s`` by how much later than the end of the question's handling.

    Requests: ``straggler_s`` is from the answer that shows that a request is done with to the end of the wait for its
    reply; ``hold_back_s`` is how long cells wait at most for a sign that the kernel hears; ``end_lag_s`` is how far
    apart a cell's reply and its published end may come, unless one of them was lost.

    Liveness: an idle kernel answers within ``first_answer_s``; that is doubled with each connection on which it does
    not, up to ``last_answer_s``.
    """

    no_reply_after_s: float = 1.0
    gap_grace_s: float = 0.05
    gap_lost_s: float = 2.0
    install_s: float = 10.0
    replay_retries_s: tuple[float, ...] = (1.0, 1.5)
    replay_silence_s: float = 5.0
    replay_total_s: float = 30.0
    replay_overtake_s: float = 0.2
    replay_lag_s: float = 20.0
    straggler_s: float = 1.0
    hold_back_s: float = 30.0
    end_lag_s: float = 2.0
    first_answer_s: float = 2.5
    last_answer_s: float = 60.0


DEFAULT_TIMINGS = DeliveryTimings()
