"""AWS Secrets Manager: moto's, behind our checks. The sandbox keeps the logins of its LDAP users in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .service import Call, Check, Service


def checks(call: Call) -> Sequence[Check]:
    """Return the one question of a call: its action on the secret that it names by name or ARN."""
    return [Check(f"secretsmanager:{call.action}", _resource(call))]


def _resource(call: Call) -> str:
    name = str(call.params.get("SecretId") or call.params.get("Name") or "")
    if not name:
        return "*"
    if name.startswith("arn:"):
        return name
    known = secrets_of(call.account, call.region).secrets.get(name)
    return str(known.arn) if known else f"arn:aws:secretsmanager:{call.region}:{call.account}:secret:{name}"


def secrets_of(account: str, region: str) -> Any:
    """Return moto's store of an account's secrets in a region."""
    from moto.secretsmanager.models import secretsmanager_backends

    return secretsmanager_backends[account][region]


SERVICE = Service(
    name="secretsmanager", model="secretsmanager", prefix="secretsmanager", checks=checks, moto="secretsmanager"
)
