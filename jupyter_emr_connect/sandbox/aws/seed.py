"""What every sandbox comes with: users, policies, roles, an instance profile, buckets, security configurations.

The supervisor calls :func:`seed` once, before the server listens.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..world.directory import DIRECTORY_USERS, secret_name
from ..world.security import StoredSecurityConfiguration
from ..world.world import ACCOUNT, OTHER_ACCOUNT, REGION, World
from . import policies, policies_partner
from .emr.render import INSTANCE_PROFILE, SERVICE_ROLE
from .identity import iam_backend, new_key_id, new_unique_id
from .policies import Document
from .s3.stored import prepare_bucket
from .secretsmanager import secrets_of

BUCKETS = ("emr-sandbox-notebooks", "emr-sandbox-data")
"""The buckets of the sandbox's own account; the other one has ``policies.PARTNER_BUCKET``."""
ACCESS_SESSION_MAX_S = 43_200
"""MaxSessionDuration of the access roles (a chained session still ends after an hour)."""


@dataclass(frozen=True)
class Profile:
    """A profile of the sandbox: an IAM user's key, which lives as long as the sandbox."""

    name: str
    arn: str
    access_key: str
    secret: str = field(repr=False)


def seed(world: World, *, keys: Mapping[str, tuple[str, str]] | None = None) -> dict[str, Profile]:
    """Fill moto and ``world`` for a fresh front and return its profiles.

    ``keys`` gives (access key id, secret) by profile name where they must not be random.
    """
    iam = iam_backend(world.account)
    _roles(iam)
    _partner_roles(iam_backend(OTHER_ACCOUNT))
    _buckets(world)
    _logins(world)
    for account in (ACCOUNT, OTHER_ACCOUNT):
        put_security(world, account, REGION)
    for name, document in policies.PROFILES.items():
        _user(iam, name, document, (keys or {}).get(name))
    return profiles(world)


def profiles(world: World) -> dict[str, Profile]:
    """Return the profiles of a world whose front was seeded, by name."""
    users = iam_backend(world.account).users
    found = {}
    for name in policies.PROFILES:
        if name in users and users[name].access_keys:
            key = users[name].access_keys[0]
            found[name] = Profile(name, users[name].arn, key.access_key_id, key.secret_access_key)
    return found


def role_arns(world: World) -> list[str]:
    """Return the ARNs of the runtime roles that every sandbox comes with."""
    return [f"arn:aws:iam::{world.account}:role/{name}" for name in policies.RUNTIME_ROLES]


def _user(iam: Any, name: str, document: Mapping[str, Any], key: tuple[str, str] | None) -> None:
    user = iam.create_user(REGION, name)
    user.id = new_unique_id("AIDA")
    policy = iam.create_policy(f"What {name} may do", "/", json.dumps(document), f"EMRSandbox-{name}", [])
    policy.attach_to(user)
    made = iam.create_access_key(name)
    # moto's keys come from a generator that is not meant for secrets.
    del iam.access_keys[made.access_key_id]
    made.access_key_id, made.secret_access_key = key or (new_key_id("AKIA"), secrets.token_urlsafe(30))
    iam.access_keys[made.access_key_id] = made


def _role(iam: Any, name: str, trust: Document, permissions: Document | None = None, seconds: int = 3600) -> None:
    role = iam.create_role(name, json.dumps(trust), "/", None, "", [], str(seconds))
    if permissions:
        role.put_policy("inline", json.dumps(permissions))


def _service_roles(iam: Any, permissions: Document) -> None:
    """Make what EMR itself needs in an account: the instance profile and the service role."""
    _role(iam, INSTANCE_PROFILE, policies.service_trust("ec2.amazonaws.com"), permissions)
    _role(iam, SERVICE_ROLE, policies.service_trust("elasticmapreduce.amazonaws.com"))
    iam.create_instance_profile(INSTANCE_PROFILE, "/", [INSTANCE_PROFILE]).id = new_unique_id("AIPA")


def _roles(iam: Any) -> None:
    _service_roles(iam, policies.INSTANCE_PROFILE_POLICY)
    for name, trust in policies.RUNTIME_ROLES.items():
        _role(iam, name, trust, policies.DATA_POLICIES.get(name))


def _partner_roles(iam: Any) -> None:
    _service_roles(iam, policies_partner.INSTANCE_PROFILE_POLICY)
    _role(iam, policies.PARTNER_ROLE, policies_partner.RUNTIME_TRUST, policies_partner.RUNTIME_POLICY)
    for name, trust in policies_partner.ACCESS_TRUST.items():
        _role(iam, name, trust, policies_partner.ACCESS_POLICY, seconds=ACCESS_SESSION_MAX_S)


def _buckets(world: World) -> None:
    from moto.s3.models import s3_backends

    store = s3_backends[world.account]["aws"]
    for name in BUCKETS:
        store.create_bucket(name, world.region)
        store.put_bucket_versioning(name, "Enabled")
        prepare_bucket(store.buckets[name])
    partner = s3_backends[OTHER_ACCOUNT]["aws"]
    partner.create_bucket(policies.PARTNER_BUCKET, world.region)
    prepare_bucket(partner.buckets[policies.PARTNER_BUCKET])
    partner.put_bucket_policy(policies.PARTNER_BUCKET, json.dumps(policies_partner.BUCKET_POLICY).encode())


def _logins(world: World) -> None:
    """Keep the name and password of each LDAP user as a secret, in the form that AWS's own databases have."""
    store = secrets_of(world.account, world.region)
    for user in DIRECTORY_USERS:
        login = json.dumps({"username": user, "password": world.directory.password(user)})
        store.create_secret(
            name=secret_name(user),
            secret_string=login,
            secret_binary=None,
            description="A login to Livy",
            tags=[],
            kms_key_id=None,
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )


def put_security(world: World, account: str, region: str) -> None:
    """Give an account in a region the security configurations that the sandbox's clusters name."""
    now = datetime.now(timezone.utc)
    for name, document in policies.SECURITY_CONFIGURATIONS.items():
        world.security.put((account, region), StoredSecurityConfiguration(name, json.dumps(document), now))
