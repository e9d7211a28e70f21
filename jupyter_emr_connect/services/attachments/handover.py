"""A connection to Livy handed to a process of ours by a pipe, so that neither AWS nor Livy is asked once more.

What is handed over has a secret in it: it goes through memory and pipes alone.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from ...config import EMRConnect
from ...livy.settings import SessionSettings, merge_settings
from ...models import BasicPair, Compute, EndpointToken, Kind, Login
from ..credentials.aws_sessions import session_of
from ..credentials.gateway_secrets import RenewingPairAuth, RenewingTokenAuth, auth_for
from ..credentials.kerberos import KerberosAuth
from ..credentials.logins import SecretLoginAuth, TypedLoginAuth, login_auth
from ..credentials.signed import SigningAuth
from .connect import LivyConnection, livy_target, needs_aws

ROLE_CONF = "emr-serverless.session.executionRoleArn"
TUPLES = ("applications", "transports")


def hand_over(config: EMRConnect, connection: LivyConnection) -> dict[str, Any]:
    """Return the settings and the connection as JSON values, with the pair, token or login in use."""
    settings = {name: getattr(config, name) for name in config.trait_names(config=True)}
    settings["routes"] = dict(connection.target.routes)
    pair, auth = None, connection.target.auth
    if isinstance(auth, RenewingPairAuth) and (basic := auth.hand_over()):
        pair = [basic.username, basic.password, basic.expires_at.isoformat()]
    elif isinstance(auth, RenewingTokenAuth) and (token := auth.hand_over()):
        pair = [token.id, token.token, token.expires_at.isoformat()]
    login = None
    if isinstance(auth, TypedLoginAuth | SecretLoginAuth):
        login = [auth.login.username, auth.login.password, auth.secret]
    return {
        "settings": settings,
        "compute": asdict(connection.compute),
        "role": connection.role,
        "url": connection.target.url,
        "pair": pair,
        "login": login,
    }


def required_conf(kind: Kind, role: str | None) -> dict[str, str]:
    """Return what the ``conf`` of each session must have: on EMR Serverless the runtime role (reference 3.3).

    It goes before whatever a cell says, so that no session runs under another role than the one attached.
    """
    return {ROLE_CONF: role} if kind == "serverless" and role else {}


def session_settings(config: EMRConnect, compute: Compute, role: str | None) -> SessionSettings:
    """Return what the sessions on a compute are created with: the administrator's settings, and what must be."""
    chosen = config.session_settings
    layers = [chosen.get(key) or {} for key in ("*", compute.name, compute.id)]
    return SessionSettings(merge_settings(*layers), required_conf(compute.kind, role))


def handed_compute(handed: dict[str, Any]) -> tuple[EMRConnect, Compute]:
    """Return the settings and the compute of what :func:`hand_over` was given."""
    compute = Compute(**{**handed["compute"], **{name: tuple(handed["compute"][name]) for name in TUPLES}})
    return EMRConnect(**handed["settings"]), compute


def take_over(handed: dict[str, Any]) -> tuple[EMRConnect, LivyConnection]:
    """Return what :func:`hand_over` was given, in another process; blocks while the caller's AWS session is opened."""
    config, compute = handed_compute(handed)
    *written, secret = handed["login"] or [None]
    login = Login(*written) if written else None
    target = livy_target(config, compute, handed["url"], login)
    if compute.kind == "serverless":
        target = replace(target, auth=SigningAuth(session_of(config, compute)))
    elif login:
        target = replace(target, auth=login_auth(compute, login, secret))
    elif compute.auth == "kerberos":
        target = replace(target, auth=KerberosAuth(urlsplit(handed["url"]).hostname or ""))
    elif needs_aws(compute) and (auth := auth_for(config, session_of(config, compute), compute, handed["role"])):
        if handed["pair"]:
            name, password, expires_at = handed["pair"]
            moment = datetime.fromisoformat(expires_at)
            if isinstance(auth, RenewingPairAuth):
                auth.take_over(BasicPair(name, password, moment))
            else:
                auth.take_over(EndpointToken(name, password, moment))
        target = replace(target, auth=auth)
    return config, LivyConnection(compute, handed["role"], target)
