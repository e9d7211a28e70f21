"""The caller's user name and password for a runtime role on a cluster: asked for once, kept in memory, renewed early.

A pair is shared by everything in this process that is the same (caller, cluster, role); AWS allows one call every two
seconds for the whole account (reference 1.2). Nothing here is ever written anywhere.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from ..aws.emr import cluster_session_credentials
from ..aws.errors import error_code
from ..aws.session import AWSSession, SessionKey
from ..errors import AccessDenied, AWSError, GatewayError, RoleDenied, RoleUnsupported
from ..gateway.target import BasicAuth
from ..models import BasicPair, Compute

# A new pair needs time to spread (reference 1.7), so the old one is used for so long yet, while it is good.
SETTLE_SECONDS = 10.0


@dataclass
class _Slot:
    """The pairs of one (caller, cluster, role); ``lock`` makes renewal single-flight."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    pair: BasicPair | None = None
    life: float = 0.0
    previous: BasicPair | None = None


_slots: dict[tuple[SessionKey, str, str], _Slot] = {}
_slots_lock = threading.Lock()


class PairAuth:
    """The gateway's ``Auth`` for one runtime role on one cluster. Safe on any event loop and thread.

    ``renew_before`` is in seconds (``EMRConnect.renew_before``) and counts for at most half of a pair's life.
    ``honoured``, set once the gateway was found, returns when the gateway takes a pair (it spreads in its own time).
    """

    honoured: Callable[[BasicAuth], Awaitable[object]] | None = None

    def __init__(self, session: AWSSession, compute: Compute, role: str, *, renew_before: float) -> None:
        self._session = session
        self._compute = compute
        self._role = role
        self._renew_before = renew_before
        self._used: BasicPair | None = None
        with _slots_lock:
            self._slot = _slots.setdefault((session.key, compute.id, role), _Slot())

    async def headers(self) -> dict[str, str]:
        """Return the Basic header, renewing a pair that is about to expire.

        Raises ``RoleDenied``, ``RoleUnsupported`` or the AWS error of the call.
        """
        # A thread only when AWS must be asked: none can be started any more while the process ends.
        pair = self._usable()
        if pair is None:
            pair = await asyncio.to_thread(self._fetch, None)
        self._used = pair
        return await BasicAuth(pair.username, pair.password).headers()

    async def renew(self) -> None:
        """Get a pair other than the one used last, which the gateway refused, and wait until it is honoured."""
        pair = await asyncio.to_thread(self._fetch, self._used)
        if self.honoured is not None:
            with suppress(GatewayError):  # the request that needs the pair tells what is wrong
                await self.honoured(BasicAuth(pair.username, pair.password))

    def pair(self) -> BasicPair:
        """Return a usable pair; blocks when one must be asked for. Raises as :meth:`headers` does."""
        return self._usable() or self._fetch(None)

    @property
    def expires_at(self) -> datetime | None:
        """When the present pair expires; None before the first one."""
        return self._slot.pair.expires_at if self._slot.pair else None

    def _usable(self) -> BasicPair | None:
        pair, life, previous = self._slot.pair, self._slot.life, self._slot.previous
        if pair is None or pair.seconds_left() <= min(self._renew_before, life / 2):
            return None
        age = life - pair.seconds_left()
        if previous and age < min(SETTLE_SECONDS, life / 4) and previous.seconds_left() > 1:
            return previous
        return pair

    def _fetch(self, refused: BasicPair | None) -> BasicPair:
        with self._slot.lock:
            if refused is not None and self._slot.previous == refused:
                self._slot.previous = None
            usable = self._usable()
            if usable and usable != refused:
                return usable
            made = self._ask()
            self._slot.previous = None if refused else self._slot.pair
            self._slot.pair, self._slot.life = made, made.seconds_left()
            return self._usable() or made

    def _ask(self) -> BasicPair:
        where = f"cluster {self._compute.name!r} ({self._compute.id})"
        try:
            return cluster_session_credentials(self._session, self._compute.id, self._role)
        except AccessDenied as error:
            message = f"You may not take the runtime role {self._role} on {where}: {error.message}"
            fix = (
                f"Choose another role (`jupyter emr roles {self._compute.name}`), or ask for {error.iam_action} with "
                f"this role in the condition elasticmapreduce:ExecutionRoleArn."
            )
            raise RoleDenied(message, fix=fix) from error
        except AWSError as error:
            if error_code(error) != "InvalidRequestException":
                raise
            message = f"EMR gives no credentials for the runtime role {self._role} on {where}: {error.message}"
            raise RoleUnsupported(message, fix="Check that the role exists and the cluster takes it.") from error


def cached_expiry(key: SessionKey, compute_id: str, role: str) -> datetime | None:
    """Return when the pair in memory expires; None when this process has none. Asks nobody."""
    with _slots_lock:
        slot = _slots.get((key, compute_id, role))
    return slot.pair.expires_at if slot and slot.pair else None


def forget_pairs() -> None:
    """Drop every pair of this process."""
    with _slots_lock:
        _slots.clear()
