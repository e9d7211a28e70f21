"""Livy servers that no AWS call lists, as an administrator names them in ``EMRConnect.livy_endpoints``.

Such are EMR on EKS' Livy by Helm chart, behind a load balancer (reference 2.6). Nothing is asked here, and no AWS login
is needed for them, save where their auth is that of a managed endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ...config import EMRConnect
from ...errors import ConfigurationError
from ...models import Compute, RoleSupport
from .kinds.endpoints import ENDPOINT_ID

PREFIX = "livy/"
STATE = "CONFIGURED"
SETTINGS = frozenset({"url", "auth", "endpoint", "execution_role", "profile", "region"})
AUTHS = {"none": "none", "basic": "basic", "kerberos": "kerberos", "endpoint": "iam"}
"""What the setting says, and the word for it in a compute's JSON."""
TRAIT = "EMRConnect.livy_endpoints"


def configured_computes(config: EMRConnect) -> list[Compute]:
    """Return the configured servers as computes of kind ``eks``; raises ``ConfigurationError`` for what cannot be."""
    return [_compute(str(name), entry) for name, entry in config.livy_endpoints.items()]


def configured_compute(config: EMRConnect, text: str) -> Compute | None:
    """Return the configured server of this name or id (``livy/<name>``), None where there is none."""
    return next((one for one in configured_computes(config) if text in (one.id, one.name)), None)


def is_configured(compute: Compute) -> bool:
    """Tell whether a compute is one that AWS does not list."""
    return compute.kind == "eks" and compute.id.startswith(PREFIX) and not compute.arn


def _compute(name: str, entry: Mapping[str, Any]) -> Compute:
    if unknown := set(entry) - SETTINGS:
        message = f"The Livy server {name!r} has settings that are not known: {', '.join(sorted(map(str, unknown)))}."
        raise ConfigurationError(message, fix=f"Use {', '.join(sorted(SETTINGS))} ({TRAIT}).")
    auth, endpoint = str(entry.get("auth") or "none"), str(entry.get("endpoint") or "")
    if auth not in AUTHS:
        message = f"The Livy server {name!r} has the auth {auth!r}, which is not known."
        raise ConfigurationError(message, fix=f"Use one of {', '.join(AUTHS)} ({TRAIT}).")
    if (auth == "endpoint") != bool(ENDPOINT_ID.fullmatch(endpoint)):
        message = f"The Livy server {name!r} has the auth {auth!r} and the endpoint {endpoint!r}."
        fix = f"The auth 'endpoint' needs one, as '<virtual cluster>/<endpoint>', and no other auth has one ({TRAIT})."
        raise ConfigurationError(message, fix=fix)
    support: RoleSupport = "unsupported"
    if auth == "endpoint":
        support = "optional" if entry.get("execution_role") else "required"
    url = _url(name, str(entry.get("url") or ""))
    details = {
        "url": url,
        "offers": ["livy"],
        "execution_role": entry.get("execution_role"),
        "runtime_role_reason": None if auth == "endpoint" else "AWS does not list it, so it gives no role for it",
        **({"endpoint": endpoint} if endpoint else {}),
    }
    return Compute(
        id=f"{PREFIX}{name}",
        kind="eks",
        name=name,
        arn="",
        region=str(entry.get("region") or ""),
        account="",
        state=STATE,
        attachable=True,
        transports=("livy",),
        runtime_role=support,
        auth=AUTHS[auth],
        host=url,
        profile=entry.get("profile"),
        details=details,
    )


def _url(name: str, text: str) -> str:
    """Return a server's URL without a slash at its end; raises ``ConfigurationError`` for what is none."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username or parts.password:
        message = f"The address of the Livy server {name!r} is no plain http or https URL."
        raise ConfigurationError(message, fix=f"Write it as https://host:port, without user or password ({TRAIT}).")
    return text.rstrip("/")
