"""The gateway's ``Auth`` for secrets that expire: renewed early, replaced when refused, the same for all of a role.

What is the same (caller, compute, role) shares one slot of ``secret_slots.py``; AWS's rates are the whole account's
(reference 1.2).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Generic

from ...aws.session import AWSSession, open_session
from ...errors import EMRConnectError, GatewayError, GatewayRefused
from ...http.auth import Auth, HTTPRequest
from ...http.deadlines import within
from ...models import Compute
from .secret_slots import DEFAULT_TIMINGS, RenewalTimings, Secret, SecretSlot, copy_of, slot_of

SPREAD_S = 30.0  # a secret refused when it is older has ended, and is not merely unknown yet
PATIENCE_S = 5.0  # that a request waits for a renewal while the old secret is still good


class RenewingAuth(ABC, Generic[Secret]):
    """The gateway's ``Auth`` for one role on one compute. Safe on any event loop and thread.

    ``renew_before`` is in seconds (``EMRConnect.renew_before``) and counts for at most half of a secret's life.
    ``honoured``, set once the gateway was found, returns when the gateway takes a secret (it spreads in its own time).
    """

    honoured: Callable[[Auth], Awaitable[object]] | None = None

    def __init__(
        self,
        session: AWSSession,
        compute: Compute,
        role: str,
        *,
        renew_before: float,
        timings: RenewalTimings = DEFAULT_TIMINGS,
    ) -> None:
        self._key = session.key
        self._compute = compute
        self._role = role
        self._renew_before = renew_before
        self._held = False
        self._slot: SecretSlot[Secret] = slot_of(session.key, compute.id, role, timings)

    @abstractmethod
    def _ask(self) -> Secret:
        """Ask AWS for a new secret; blocks."""

    @abstractmethod
    def _fixed(self, secret: Secret) -> Auth:
        """Return the ``Auth`` that sends this secret."""

    def _session(self) -> AWSSession:
        """Return the caller's session of now: after a new login it is another than before. Blocks."""
        return open_session(self._key.profile, self._key.region, self._key.access_role)

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        """Return the request with the secret of :meth:`current`. Raises as that does."""
        return await self._fixed(await self.current()).prepare(request)

    async def current(self) -> Secret:
        """Return the secret for one request, renewing one that is about to expire.

        A renewal that fails or takes long is no matter while the old secret is good. Raises ``RoleError``,
        ``NotAttachable`` or the AWS error of the call.
        """
        # A thread only when AWS must be asked: none can be started any more while the process ends.
        return self._slot.usable(self._renew_before) or await self._renewed()

    async def renew(self, refused: HTTPRequest) -> None:
        """Replace the secret that the gateway refused, and wait until the new one is honoured.

        ``refused`` is the request that was sent. AWS is asked only if no other secret has come since, and not again
        for one that just takes its time to spread. Raises as :meth:`current` does, and ``GatewayRefused`` when the
        gateway takes none of several new ones.
        """
        slot, secret = self._slot, await self._sent(refused)
        if secret is None or slot.secret is None:
            return
        newest, young = slot.secret, slot.age() < SPREAD_S
        if secret != newest:  # the one before was sent, and the newest should be known by now
            slot.refuse(secret)
            hopeful = True
        else:
            hopeful = young and newest != slot.honoured and self.honoured is not None
        if hopeful and await self._is_taken(newest):
            return
        slot.refuse(newest)
        await self._renewed()

    def hand_over(self) -> Secret | None:
        """Return the secret in use for a process of ours, which takes it by :meth:`take_over`; None when it expires."""
        return self._slot.usable(self._renew_before)

    def take_over(self, secret: Secret) -> None:
        """Use a secret that another process of ours has handed over, until it is to be renewed."""
        self._slot.put(secret)

    def confirm(self) -> None:
        """Take note that the gateway took the secret that is in use; called when it was found."""
        self._slot.honoured = self._slot.usable(self._renew_before)

    def hold(self, owner: object) -> None:
        """Keep the secret fresh while ``owner`` has a connection, though no request may be made; until released."""
        self._held = True
        self._slot.hold(owner, self._ask, self._renew_before)

    def release(self, owner: object) -> None:
        """Keep it fresh for ``owner`` no longer."""
        self._held = False
        self._slot.release(owner)

    @property
    def last_error(self) -> EMRConnectError | None:
        """Why the secret could not be renewed the last time; None while all is well."""
        return self._slot.failure

    def obtain(self) -> Secret:
        """Return a usable secret; blocks when one must be asked for. Raises as :meth:`current` does."""
        flight = self._slot.renewed(self._ask, self._renew_before)
        try:
            return self._slot.usable(self._renew_before) or flight.result()
        except EMRConnectError as error:
            raise copy_of(error) from error.__cause__

    async def _renewed(self) -> Secret:
        """Return a secret to send after the renewal that is due; the old one while it is good and no other comes."""
        old = self._slot.good()
        if old is not None and self._held:
            return old  # kept fresh by the slot itself
        flight = self._slot.renewed(self._ask, self._renew_before, paced=self._held)
        try:
            made = await (within(PATIENCE_S, asyncio.wrap_future(flight)) if old else asyncio.wrap_future(flight))
        except (EMRConnectError, asyncio.TimeoutError) as error:
            if old is not None:
                return old
            if isinstance(error, EMRConnectError):
                raise copy_of(error) from error.__cause__
            raise
        if old is None and made != self._slot.honoured:
            await self._is_taken(made)
        return self._slot.usable(self._renew_before) or made

    async def _is_taken(self, secret: Secret) -> bool:
        """Wait until the gateway takes a new secret; returns False when it says that it does not."""
        if self.honoured is None:
            return True
        try:
            await self.honoured(self._fixed(secret))
        except GatewayRefused:
            return False
        except GatewayError:  # the request that needs the secret tells what is wrong
            return True
        self._slot.honoured = secret
        return True

    async def _sent(self, request: HTTPRequest) -> Secret | None:
        """Return which of the secrets in use this request was prepared with; None when it is replaced already."""
        for secret in (self._slot.secret, self._slot.previous):
            if secret is not None and await self._fixed(secret).prepare(request) == request:
                return secret
        return None
