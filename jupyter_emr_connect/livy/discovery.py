"""Finds out how a Livy server wants to be spoken to: TLS or not, with credentials or without.

TLS first; plain HTTP only where the caller's rule allows it and TLS does not come about. Jetty, on which Livy is built,
refuses the other protocol at once, so that the two need not be tried side by side. New credentials spread in their own
time (reference 1.7): a refusal is asked again until a deadline.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from ..errors import LivyCertificate, LivyError, LivyRefused, LivyUnreachable, LoginRefused, NotLivy, PlainHttpRefused
from ..http.auth import Auth
from ..http.backoff import Backoff
from ..http.resolver import is_loopback
from ..http.tls import PlainHttpRule
from .client import LivyClient
from .target import LivyTarget

FIRST_PAUSE_S, LAST_PAUSE_S = 0.25, 4.0


async def probe_livy(
    host: str,
    secure: LivyTarget,
    *,
    plain_http: PlainHttpRule,
    auth: Auth | None,
    connect_timeout: float,
    credentials_timeout: float,
) -> tuple[LivyTarget, bool]:
    """Return the target that works, and whether it asks for credentials at all.

    ``secure`` is the one over TLS at ``host``, with its label and trust, yet without credentials. ``auth`` goes out
    over plain HTTP only to loopback or when ``plain_http.secrets``. Raises ``LivyError`` and ``PlainHttpRefused``.
    Timeouts in seconds.
    """
    target = secure
    try:
        demands = await _demands_credentials(target, connect_timeout)
    except (NotLivy, LivyUnreachable) as error:
        if plain_http.refusal or isinstance(error, LivyCertificate):
            raise
        target = replace(secure, url=f"http{secure.url.removeprefix('https')}", ssl_context=None)
        try:
            demands = await _demands_credentials(target, connect_timeout)
        except LivyError:
            raise error from None  # of the two the one over TLS says what is to be mended
    if auth is None:
        if demands:
            message = f"{target.where} asks for credentials, and no runtime role was chosen to get them with."
            raise LivyRefused(message, fix="Choose a runtime role (`jupyter emr roles`).")
        return target, demands
    if target is not secure and not plain_http.secrets and not await is_loopback(host):
        message = f"{target.where} would get a secret without TLS: anyone in between could read it."
        fix = "Turn in-transit encryption on; or accept the risk: name the compute in EMRConnect.allow_plain_http."
        raise PlainHttpRefused(message, fix=fix)
    target = replace(target, auth=auth)
    await until_honoured(target, connect_timeout, credentials_timeout)
    return target, demands


async def until_honoured(target: LivyTarget, connect_timeout: float, seconds: float) -> None:
    """Return once the server takes the target's credentials and is up; raises its refusal after so many seconds."""
    end = time.monotonic() + seconds
    backoff = Backoff(FIRST_PAUSE_S, LAST_PAUSE_S)
    while True:
        try:
            await _first_page(target, connect_timeout)
        except (LivyRefused, LivyUnreachable) as error:
            pause = backoff.next()
            passes = not isinstance(error, LoginRefused) and error.status in (401, 403, 429, 502, 503, 504)
            if not passes or time.monotonic() + pause > end:
                raise
            await asyncio.sleep(pause)
        else:
            return


async def _demands_credentials(target: LivyTarget, seconds: float) -> bool:
    """Ask as nobody; returns whether that is refused. Raises the other errors."""
    try:
        await _first_page(target, seconds)
    except LivyRefused:
        return True
    return False


async def _first_page(target: LivyTarget, seconds: float) -> Any:
    client = LivyClient(target, connect_timeout=seconds, request_timeout=2 * seconds)
    try:
        return await client.first_page()
    finally:
        await client.close()
