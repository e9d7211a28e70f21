"""Secrets that expire: asked for once, shared by this process, kept in memory, renewed early by one caller at a time.

What is the same (caller, compute, role) shares one slot; AWS's rates are the whole account's (reference
1.2). Nothing here is ever written anywhere.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from ..aws.session import AWSSession, SessionKey
from ..errors import GatewayError
from ..gateway.target import Auth
from ..models import Compute

# A new secret needs time to spread (reference 1.7), so the old one is used for so long yet, while it is good.
SETTLE_SECONDS = 10.0


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


@dataclass
class _Slot(Generic[Secret]):
    """The secrets of one (caller, compute, role); ``lock`` makes renewal single-flight."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    secret: Secret | None = None
    life: float = 0.0
    previous: Secret | None = None


_slots: dict[tuple[SessionKey, str, str], _Slot[Any]] = {}
_slots_lock = threading.Lock()


class RenewingAuth(ABC, Generic[Secret]):
    """The gateway's ``Auth`` for one role on one compute. Safe on any event loop and thread.

    ``renew_before`` is in seconds (``EMRConnect.renew_before``) and counts for at most half of a secret's life.
    ``honoured``, set once the gateway was found, returns when the gateway takes a secret (it spreads in its own time).
    """

    honoured: Callable[[Auth], Awaitable[object]] | None = None

    def __init__(self, session: AWSSession, compute: Compute, role: str, *, renew_before: float) -> None:
        self._session = session
        self._compute = compute
        self._role = role
        self._renew_before = renew_before
        self._used: Secret | None = None
        with _slots_lock:
            self._slot: _Slot[Secret] = _slots.setdefault((session.key, compute.id, role), _Slot())

    @abstractmethod
    def _ask(self) -> Secret:
        """Ask AWS for a new secret; blocks."""

    @abstractmethod
    def _fixed(self, secret: Secret) -> Auth:
        """Return the ``Auth`` that sends this secret."""

    async def headers(self) -> dict[str, str]:
        """Return the headers for one request, renewing a secret that is about to expire.

        Raises ``RoleError``, ``NotAttachable`` or the AWS error of the call.
        """
        # A thread only when AWS must be asked: none can be started any more while the process ends.
        secret = self._usable()
        if secret is None:
            secret = await asyncio.to_thread(self._fetch, None)
        self._used = secret
        return await self._fixed(secret).headers()

    async def renew(self) -> None:
        """Get a secret other than the one used last, which the gateway refused, and wait until it is honoured."""
        secret = await asyncio.to_thread(self._fetch, self._used)
        if self.honoured is not None:
            with suppress(GatewayError):  # the request that needs the secret tells what is wrong
                await self.honoured(self._fixed(secret))

    def obtain(self) -> Secret:
        """Return a usable secret; blocks when one must be asked for. Raises as :meth:`headers` does."""
        return self._usable() or self._fetch(None)

    @property
    def expires_at(self) -> datetime | None:
        """When the present secret expires; None before the first one."""
        return self._slot.secret.expires_at if self._slot.secret else None

    def _usable(self) -> Secret | None:
        secret, life, previous = self._slot.secret, self._slot.life, self._slot.previous
        if secret is None or secret.seconds_left() <= min(self._renew_before, life / 2):
            return None
        age = life - secret.seconds_left()
        if previous and age < min(SETTLE_SECONDS, life / 4) and previous.seconds_left() > 1:
            return previous
        return secret

    def _fetch(self, refused: Secret | None) -> Secret:
        with self._slot.lock:
            if refused is not None and self._slot.previous == refused:
                self._slot.previous = None
            usable = self._usable()
            if usable and usable != refused:
                return usable
            made = self._ask()
            self._slot.previous = None if refused else self._slot.secret
            self._slot.secret, self._slot.life = made, made.seconds_left()
            return self._usable() or made


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
