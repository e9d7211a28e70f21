"""Who calls a front door: the Basic pair of a runtime role, or anyone where the cluster has no runtime roles."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from aiohttp import web

from ..world import ClusterSpec, World

# The user that everything runs as on a cluster without runtime roles (EMR's own default user).
DEFAULT_USER = "hadoop"
REALM = 'Basic realm="Amazon EMR"'


@dataclass(frozen=True)
class Caller:
    """The user on the cluster that a request acts for."""

    user: str


def identify(world: World, spec: ClusterSpec, request: web.BaseRequest) -> Caller | web.Response:
    """Return who calls, or the refusal to answer with.

    No pair, an unknown or not yet honoured one → 401; an expired one → 403 (what users of the real one see,
    reference 1.7). Called by both doors before anything else is looked at.
    """
    if not spec.runtime_roles:
        return Caller(DEFAULT_USER)
    username, password = _basic(request.headers.get("Authorization", ""))
    pair = world.pairs.check(spec.id, username, password)
    if pair:
        return Caller(pair.user)
    if world.pairs.expired(spec.id, username, password):
        return web.json_response({"reason": "Forbidden", "message": "The credentials have expired."}, status=403)
    body = {"reason": "Unauthorized", "message": "A user name and password of GetClusterSessionCredentials is needed."}
    return web.json_response(body, status=401, headers={"WWW-Authenticate": REALM})


def _basic(header: str) -> tuple[str, str]:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        username, _, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return username, password
