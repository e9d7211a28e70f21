"""The memory of this process for secrets that expire: one slot for each (caller, compute, role).

All that use a secret share its slot. AWS is asked by one thread at a time, a daemon, so that neither a caller's loop
nor the end of the process waits for it; whoever needs a secret meanwhile waits for that same call. While a connection
holds the slot, :meth:`SecretSlot.keep` renews the secret before it expires, also when nothing is asked of the gateway.
Nothing here is ever written anywhere.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakSet

from ...aws.budget import background
from ...aws.session import SessionKey
from ...errors import AWSError, AWSUnavailable, EMRConnectError, GatewayRefused
from ...executors import DaemonExecutor
from ...http.backoff import Backoff
from ...tasks import report_failure, watched

log = logging.getLogger(__name__)

# Not the executor for AWS: its threads wait for these, when an attachment is made.
_threads = DaemonExecutor(64, "emr-connect-credentials")

SPARE_S = 1.0  # what expires sooner is not sent any more
REFUSALS, REFUSALS_WITHIN_S = 3, 60.0  # so many new secrets may be refused within so many seconds


@dataclass(frozen=True)
class RenewalTimings:
    """Waits of one slot, all in seconds; a test passes shorter ones.

    Attempts that fail are ``first_pause_s`` to ``last_pause_s`` apart. A new secret needs time to spread (reference
    1.7), so the old one is used for ``settle_s`` yet, while it is good. A slot that is held is looked at every
    ``look_every_s`` at least, because a machine that slept finds its clock moved.
    """

    first_pause_s: float = 2.0
    last_pause_s: float = 20.0
    settle_s: float = 10.0
    look_every_s: float = 30.0


DEFAULT_TIMINGS = RenewalTimings()


class Expiring(Protocol):
    """A secret with an end: ``BasicPair`` and ``EndpointToken`` are such."""

    @property
    def expires_at(self) -> datetime:
        """When it is no longer good."""
        ...

    def seconds_left(self, now: datetime | None = None) -> float:
        """Return how long it is good for, in seconds."""
        ...


Secret = TypeVar("Secret", bound=Expiring)


class SecretSlot(Generic[Secret]):
    """The secrets of one (caller, compute, role). Safe on any event loop and thread.

    ``secret`` is the newest, ``previous`` the one before while it may yet be used. ``failure`` is why the last attempt
    to renew failed; None after one that worked. ``holders`` are the connections that need the slot kept fresh.
    ``honoured`` is the secret of which a gateway is known to take it. ``clock`` tells seconds since 1970, by which AWS
    says when secrets end.
    """

    def __init__(
        self, label: str = "", timings: RenewalTimings = DEFAULT_TIMINGS, clock: Callable[[], float] = time.time
    ) -> None:
        self.label = label
        self._timings = timings
        self._clock = clock
        self.secret: Secret | None = None
        self.previous: Secret | None = None
        self.honoured: Secret | None = None
        self.failure: EMRConnectError | None = None
        self.holders: WeakSet[Any] = WeakSet()
        self.keeper: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._life = 0.0
        self._refused: Secret | None = None
        self._refusals: deque[float] = deque(maxlen=REFUSALS)
        self._flight: Future[Secret] | None = None
        self._backoff = Backoff(timings.first_pause_s, timings.last_pause_s, jitter=0.25)

    def due_in(self, renew_before: float) -> float:
        """Return the seconds until the secret shall be renewed: ``renew_before`` its end, or at half of its life."""
        if self.secret is None or self.secret == self._refused:
            return 0.0
        return self._left(self.secret) - min(renew_before, self._life / 2)

    def usable(self, renew_before: float) -> Secret | None:
        """Return the secret to send when none has to be asked for, else None."""
        secret, previous = self.secret, self.previous
        if secret is None or self.due_in(renew_before) <= 0:
            return None
        if previous and self.age() < min(self._timings.settle_s, self._life / 4) and self._left(previous) > SPARE_S:
            return previous
        return secret

    def age(self) -> float:
        """Return for how many seconds the secret has been there."""
        return self._life - self._left(self.secret) if self.secret else 0.0

    def _left(self, secret: Secret) -> float:
        """Return how long a secret is good for, in seconds."""
        return secret.seconds_left(datetime.fromtimestamp(self._clock(), timezone.utc))

    def good(self) -> Secret | None:
        """Return a secret that has not expired and was not refused, whether or not it is due to be renewed."""
        for secret in (self.secret, self.previous):
            if secret is not None and secret != self._refused and self._left(secret) > SPARE_S:
                return secret
        return None

    def put(self, secret: Secret) -> None:
        """Take a secret that another process of ours has handed over in memory."""
        self._take(secret)

    def refuse(self, secret: Secret) -> None:
        """Send this secret no more: a gateway did not take it. Does nothing for one that is replaced already."""
        with self._lock:
            if secret == self.previous:
                self.previous = None
            elif secret == self.secret and secret != self._refused:
                self._refused, self.previous = secret, None

    def renewed(self, ask: Callable[[], Secret], renew_before: float, *, paced: bool = False) -> Future[Secret]:
        """Return a secret to come: that of the call under way, or of a new one. Never blocks.

        ``ask`` asks AWS, in a thread. ``paced``: AWS is not asked within the pause after a failure, nor when a gateway
        has refused several new secrets in a short time; that failure is the answer then. The future fails with
        ``EMRConnectError`` alone, and cannot be cancelled.
        """
        with self._lock:
            usable = self.usable(renew_before)
            if usable is not None:
                return _done(usable)
            if self._flight is not None and not self._flight.done():
                return self._flight
            if paced and self.failure and self._backoff.left() > 0:
                return _failed(self.failure)
            if paced and self._is_never_taken():
                return _failed(self._never_taken())
            self._flight = _called(ask, self._take, self._fail)
            return self._flight

    def _is_never_taken(self) -> bool:
        """Whether the gateway refuses whatever it is given: AWS shall not be asked without end."""
        refused = self._refused is not None and self._refused == self.secret
        return refused and len(self._refusals) == REFUSALS and time.monotonic() - self._refusals[0] < REFUSALS_WITHIN_S

    def _never_taken(self) -> GatewayRefused:
        message = f"The gateway refused {REFUSALS} new credentials, one after another, of {self.label}."
        return GatewayRefused(message, fix="Check that the role may use this compute, and this machine's clock.")

    def _take(self, made: Secret) -> Secret:
        with self._lock:
            if self.failure is not None and self.secret is not None:
                log.warning("Credentials of %s are renewed again.", self.label)
            if self._refused is not None:
                self._refusals.append(time.monotonic())
            self.previous = None if self.secret == self._refused else self.secret
            self.secret, self._life, self._refused = made, self._left(made), None
            self.failure = None
            self._backoff.reset()
        return made

    def _fail(self, error: EMRConnectError) -> None:
        with self._lock:
            told = self.failure is not None and self.failure.message == error.message
            if self.secret is not None and not told:  # a first one that fails is told by its caller
                log.warning("Credentials of %s cannot be renewed, trying on: %s", self.label, error)
            self.failure = error
            self._backoff.next()

    def hold(self, owner: object, ask: Callable[[], Secret], renew_before: float) -> None:
        """Keep the secret fresh from now on, until each owner has released it or is no more; called on its loop.

        A task that another loop runs for it already does so for all.
        """
        with self._lock:
            self.holders.add(owner)
            if self.keeper is None or self.keeper.done() or not self.keeper.get_loop().is_running():
                self.keeper = watched(asyncio.get_running_loop().create_task(self.keep(ask, renew_before)))

    def release(self, owner: object) -> None:
        """Take a :meth:`hold` back; called on any loop."""
        with self._lock:
            self.holders.discard(owner)
            if self.holders or self.keeper is None:
                return
            keeper, self.keeper = self.keeper, None
        with suppress(RuntimeError):  # its loop is closed
            keeper.get_loop().call_soon_threadsafe(keeper.cancel)

    async def keep(self, ask: Callable[[], Secret], renew_before: float) -> None:
        """Renew the secret whenever it is due, and again after pauses when that fails, while anybody holds the slot."""
        while self.holders:
            try:
                await self._keep_for_a_while(ask, renew_before)
            except Exception as error:
                report_failure(log, "Credentials could not be kept fresh; it is tried again.", error)
                await asyncio.sleep(self._timings.look_every_s)

    async def _keep_for_a_while(self, ask: Callable[[], Secret], renew_before: float) -> None:
        """Wait for a part of the time until the secret is due, or renew it."""

        def unhurried() -> Secret:
            with background():
                return ask()

        pause = self.due_in(renew_before)
        if self.failure is not None:
            pause = max(pause, self._backoff.left())
        if pause > 0:
            await asyncio.sleep(min(pause, self._timings.look_every_s))
            return
        with suppress(EMRConnectError):  # told by _fail
            await asyncio.wrap_future(self.renewed(unhurried, renew_before, paced=True))
        await asyncio.sleep(SPARE_S)  # whatever AWS answers, it is not asked without pause


def copy_of(error: EMRConnectError) -> EMRConnectError:
    """Return a copy to raise: those who share a failure add to it each where they meet it."""
    made = copy.copy(error)
    made.__cause__ = error.__cause__
    return made


def _done(secret: Secret) -> Future[Secret]:
    future: Future[Secret] = Future()
    future.set_result(secret)
    return future


def _failed(error: EMRConnectError) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(copy_of(error))
    return future


def _called(
    ask: Callable[[], Secret], take: Callable[[Secret], Secret], fail: Callable[[EMRConnectError], None]
) -> Future[Secret]:
    """Call ``ask`` in a thread; ``take`` or ``fail`` is told before the future is done."""
    future: Future[Secret] = Future()
    future.set_running_or_notify_cancel()

    def fall(error: EMRConnectError) -> None:
        fail(error)
        future.set_exception(error)

    def run() -> None:
        try:
            made = take(ask())
        except EMRConnectError as error:
            fall(error)
        except Exception as error:  # whoever waits must hear of it, and only of errors of ours
            ours = AWSError(f"Credentials could not be asked for ({type(error).__name__}).", fix="Try again.")
            ours.__cause__ = error
            fall(ours)
        else:
            future.set_result(made)

    try:
        _threads.submit(run)
    except RuntimeError:  # no thread starts any more
        future.set_exception(AWSUnavailable("The process is ending; AWS is no longer asked."))
    return future


_slots: dict[tuple[SessionKey, str, str], SecretSlot[Any]] = {}
_slots_lock = threading.Lock()


def slot_of(key: SessionKey, compute_id: str, role: str, timings: RenewalTimings = DEFAULT_TIMINGS) -> SecretSlot[Any]:
    """Return this process's slot for a caller, a compute and a role; the first who asks sets its ``timings``."""
    with _slots_lock:
        label = f"{role} on {compute_id}"
        return _slots.setdefault((key, compute_id, role), SecretSlot(label, timings))


def cached_expiry(key: SessionKey, compute_id: str, role: str | None) -> datetime | None:
    """Return when the secret in memory expires; None when this process has none. Asks nobody.

    Without a role it is that of the compute's own (an endpoint's execution role), or of any other that was used last.
    """
    with _slots_lock:
        known = list(_slots.items())
    found = [slot for name, slot in known if name[:2] == (key, compute_id) and role in (None, name[2])]
    return max((slot.secret.expires_at for slot in found if slot.secret), default=None)


def forget_secrets() -> None:
    """Drop every secret of this process."""
    with _slots_lock:
        _slots.clear()


def _forget() -> None:
    """Leave the parent's calls and tasks to the parent: in a forked child they would never end."""
    global _slots, _slots_lock
    _slots, _slots_lock = {}, threading.Lock()


os.register_at_fork(after_in_child=_forget)
