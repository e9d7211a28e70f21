"""Who calls a front door: the Basic pair or the token of a role, or anyone where a cluster has no runtime roles."""

from __future__ import annotations

import base64
import binascii
import html
from dataclasses import dataclass

from aiohttp import web

from ..world.eks import EndpointSpec
from ..world.world import ClusterSpec, World, user_of_role

# The user that everything runs as on a cluster without runtime roles (EMR's own default user).
DEFAULT_USER = "hadoop"
REALM = 'Basic realm="Amazon EMR"'


@dataclass(frozen=True)
class DoorCaller:
    """Whom a request acts for: the user that kernels run as, and the ``owner`` by whom they are kept apart.

    On a cluster these are one, since Livy knows users alone; on an endpoint the owner is the execution role.
    ``role_arn`` is the runtime role; empty on a cluster without runtime roles, where the instance profile counts.
    """

    user: str
    owner: str
    role_arn: str = ""


def identify(world: World, spec: ClusterSpec, request: web.BaseRequest) -> DoorCaller | web.Response:
    """Return who calls, or the refusal to answer with.

    No pair, an unknown or not yet honoured one → 401; an expired one → 403 (what users of the real one see,
    reference 1.7). Called by both doors before anything else is looked at.
    """
    if spec.ldap:
        return _identify_ldap_user(world, request)
    if not spec.runtime_roles:
        return DoorCaller(DEFAULT_USER, DEFAULT_USER)
    username, password = _basic(request.headers.get("Authorization", ""))
    pair = world.pairs.check(spec.id, username, password)
    if pair:
        return DoorCaller(pair.user, pair.user, pair.role_arn)
    if world.pairs.expired(spec.id, username, password):
        return web.json_response({"reason": "Forbidden", "message": "The credentials have expired."}, status=403)
    body = {"reason": "Unauthorized", "message": "A user name and password of GetClusterSessionCredentials is needed."}
    return web.json_response(body, status=401, headers={"WWW-Authenticate": REALM})


def _identify_ldap_user(world: World, request: web.BaseRequest) -> DoorCaller | web.Response:
    """Return the LDAP user who calls, or what Livy 0.7.1 with ``livy.server.auth.type = ldap`` answers (recorded).

    Nobody, or another scheme → 401 with a challenge; a bind that fails → 403 in Jetty's page, without one.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic" or not value:
        return _jetty_page(request, 401, "Authentication required", {"WWW-Authenticate": "Basic"})
    username, password = _basic(request.headers["Authorization"])
    if not username:
        return _jetty_page(request, 403, "Authentication required")
    if not password:
        why = "Error validating LDAP user: a null or blank password has been provided"
        return _jetty_page(request, 403, why)
    if not world.directory.admits(username, password):
        return _jetty_page(request, 403, "Error validating LDAP user")
    return DoorCaller(username, username)


def _jetty_page(
    request: web.BaseRequest, status: int, reason: str, headers: dict[str, str] | None = None
) -> web.Response:
    path = html.escape(request.path)
    jetty = "Jetty:// 9.3.24.v20180605"
    page = (
        f'<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>\n'
        f"<title>Error {status} </title>\n</head>\n<body>\n<h2>HTTP ERROR: {status}</h2>\n"
        f"<p>Problem accessing {path}. Reason:\n<pre>    {reason}</pre></p>\n"
        f'<hr /><a href="http://eclipse.org/jetty">Powered by {jetty}</a><hr/>\n</body>\n</html>\n'
    )
    return web.Response(
        status=status,
        body=page.encode("latin-1", "replace"),
        content_type="text/html",
        charset="iso-8859-1",
        headers=headers,
    )


def identify_token(world: World, spec: EndpointSpec, request: web.BaseRequest) -> DoorCaller | web.Response:
    """Return who calls an endpoint, or the refusal to answer with; called before anything else is looked at.

    The scheme is ``token`` and none other, as Jupyter Enterprise Gateway has it (reference 5.3). No token, or an
    unknown one → 401; an expired one → 403. A WebSocket is checked when it is opened and never again.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    value = value.strip() if scheme.lower() == "token" else ""
    token = world.tokens.check(spec.id, value)
    if token:
        return DoorCaller(user_of_role(token.role_arn), token.role_arn, token.role_arn)
    if world.tokens.expired(spec.id, value):
        return web.json_response({"reason": "Forbidden", "message": "The token has expired."}, status=403)
    return web.json_response({"reason": "Unauthorized", "message": ""}, status=401)


def identify_token_pair(world: World, spec: EndpointSpec, request: web.BaseRequest) -> DoorCaller | web.Response:
    """Return who calls an endpoint with Livy: a token's id and the token as HTTP Basic (reference 2.3).

    None, or an unknown one → 401; an expired one → 403. What AWS's own endpoint answers is documented nowhere.
    """
    username, value = _basic(request.headers.get("Authorization", ""))
    token = world.tokens.check(spec.id, value)
    if token and token.id == username:
        user = user_of_role(token.role_arn)
        return DoorCaller(user, user, token.role_arn)
    if world.tokens.expired(spec.id, value):
        return web.json_response({"msg": "The token has expired."}, status=403)
    return web.json_response({"msg": "Unauthorized"}, status=401, headers={"WWW-Authenticate": REALM})


def _basic(header: str) -> tuple[str, str]:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        username, _, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return username, password
