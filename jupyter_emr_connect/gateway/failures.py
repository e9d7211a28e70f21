"""Turns what aiohttp, TLS and the gateway's answers say into our errors, each with its cause and its remedy."""

from __future__ import annotations

import json
import re
from typing import Any

from ..errors import (
    GatewayCertificate,
    GatewayError,
    GatewayRefused,
    GatewayUnreachable,
    KernelGone,
    KernelStartFailed,
    NotAGateway,
)
from ..http.errors import describe_failure, may_have_reached_server
from .target import GatewayTarget

# What Jupyter Enterprise Gateway 2.6 and 3.3 say with a 403 that no other credentials would change: at its limits
# (services/kernels/handlers.py, remotemanager.py) and of users (services/processproxies/processproxy.py).
KERNEL_LIMIT = re.compile(r"Resource Limit$|A max kernels (per user )?limit has been set")
NOT_ALLOWED = re.compile(r"^User '.*' is not .*authorized.* to start kernel")
SHOWN = 300  # characters of an error body that a message repeats

CLASSES: dict[str, type[GatewayError]] = {
    "certificate": GatewayCertificate,
    "protocol": NotAGateway,
    "unreachable": GatewayUnreachable,
}


def explain(error: BaseException, target: GatewayTarget) -> GatewayError:
    """Return our error for an exception that a call to the gateway raised."""
    if isinstance(error, GatewayError):
        return error
    failure = describe_failure(error, label=target.label, url=target.url, peer="a gateway", routes=target.routes)
    return CLASSES[failure.kind](failure.message, fix=failure.fix)


def may_have_reached_gateway(error: BaseException) -> bool:
    """Return whether a gateway may still work on a request that failed with this error (of :func:`explain`)."""
    return isinstance(error, GatewayUnreachable) and may_have_reached_server(error.__cause__)


def told(body: bytes) -> str:
    """Return what a JSON error body says, in one bounded line; never its traceback (reference 5.7)."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(parsed, dict):
        return ""
    text = str(parsed.get("message") or parsed.get("reason") or "")
    line = re.sub(r"\s+", " ", text.split("Traceback")[0]).strip()
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 3]}..."


def parse(status: int, content_type: str, body: bytes, target: GatewayTarget) -> Any:
    """Return the JSON of a successful answer, or raise :class:`NotAGateway`."""
    if status == 204 or not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        kind = content_type.split(";")[0] or "no content type"
        message = f"What answers at {target.where} is no Jupyter Enterprise Gateway (it sent {kind})."
        raise NotAGateway(message, fix="Check the address and the port.") from error


def refuse(status: int, body: bytes, target: GatewayTarget) -> GatewayError:
    """Return our error for a status that is none of success."""
    said = told(body)
    because = f": {said}" if said else ""
    where = target.where
    if status in (401, 403):
        return _forbidden(status, said, where)
    if status == 404 and "Kernel does not exist" in said:
        return KernelGone(f"The kernel no longer exists on {where}.", fix="Restart the kernel.")
    if status == 404:
        return NotAGateway(f"{where} has no gateway at this path.", fix="Check the address and its path prefix.")
    if 300 <= status < 400:
        return NotAGateway(f"{where} sends us elsewhere (HTTP {status}).", fix="Check the address and its path prefix.")
    if status == 429 or status >= 502:
        message = f"{where} is not available at the moment (HTTP {status}{because})."
        return GatewayUnreachable(message, fix="Try again in a minute.")
    if status >= 500:
        return GatewayError(f"{where} failed (HTTP {status}{because}).", fix="See the gateway's own log.")
    return GatewayError(f"{where} did not accept the request (HTTP {status}{because}).")


def _forbidden(status: int, said: str, where: str) -> GatewayError:
    if KERNEL_LIMIT.match(said):
        message = f"{where} runs as many kernels as it may: {said.rstrip('.')}."
        fix = "Shut a kernel down (`jupyter emr kernels` lists yours), or have the gateway's limit raised."
        return KernelStartFailed(message, fix=fix)
    if NOT_ALLOWED.search(said):
        message = f"{where} does not let this user start the kernel: {said.split('. ')[0].rstrip('.')}."
        return KernelStartFailed(message, fix="Choose another kernel or runtime role, or have the user allowed there.")
    if status == 401:
        message = f"{where} does not accept our credentials (401)."
        return GatewayRefused(message, fix="Check the runtime role and how the gateway authenticates.")
    because = f": {said}" if said and said != "Forbidden" else ""
    message = f"{where} refused us (403{because})."
    return GatewayRefused(message, fix="Check that the runtime role may use this compute.")
