"""Whose key is it: IAM users as moto keeps them, and sessions (``AssumeRole``) as we issue them.

Called by the app after the signature was read and before it is checked. Nothing here reaches a disk or a log.
"""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from .failures import FailureKind, Refusal

PARTITION = "aws"


@dataclass(frozen=True)
class Principal:
    """The caller. ``name`` is the user's or the role's; ``policy`` a session policy (JSON) where one was passed.

    ``transitive`` are the session tags that go along to the sessions which this one takes.
    """

    kind: Literal["user", "role", "anonymous"]
    arn: str
    account: str
    user_id: str
    name: str
    session: str = ""
    role_arn: str = ""
    policy: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: frozenset[str] = frozenset()

    @property
    def iam_arn(self) -> str:
        """The ARN of the IAM identity behind the caller: the user, or the role of a session."""
        return self.role_arn or self.arn


ANONYMOUS = Principal("anonymous", "anonymous", "", "", "")


@dataclass(frozen=True)
class AccessKey:
    """An access key: ``token`` and ``expires_at`` (seconds since the epoch) only for sessions."""

    id: str
    secret: str = field(repr=False)
    principal: Principal
    token: str | None = field(default=None, repr=False)
    expires_at: float | None = None

    @property
    def expiration(self) -> datetime:
        """The end of a session's key."""
        return datetime.fromtimestamp(self.expires_at or 0, timezone.utc)


class AccessKeys:
    """All keys of one sandbox; every method may be called from any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sessions: dict[str, AccessKey] = {}
        self._lock = threading.Lock()

    def find(self, key_id: str) -> AccessKey:
        """Return the key; raises :class:`Refusal` when there is none or it is switched off."""
        with self._lock:
            session = self._sessions.get(key_id)
        found = session or _user_key(key_id)
        if found is None:
            raise Refusal(FailureKind.UNKNOWN_KEY)
        return found

    def check_session(self, key: AccessKey, token: str | None) -> None:
        """Compare the session token and its expiry; called after the signature was found right."""
        if not secrets.compare_digest((key.token or "").encode(), (token or "").encode()):
            raise Refusal(FailureKind.INVALID_TOKEN)
        if key.expires_at is not None and key.expires_at <= self._clock():
            raise Refusal(FailureKind.EXPIRED_TOKEN)

    def issue(self, principal: Principal, seconds: float) -> AccessKey:
        """Make the key of a session that lasts ``seconds``; keys that expired a day ago are forgotten."""
        now = self._clock()
        key = AccessKey(
            id=new_key_id("ASIA"),
            secret=secrets.token_urlsafe(30),
            principal=principal,
            token=secrets.token_urlsafe(180),
            expires_at=now + seconds,
        )
        with self._lock:
            self._sessions = {i: k for i, k in self._sessions.items() if (k.expires_at or 0) > now - 86_400}
            self._sessions[key.id] = key
        return key


def new_key_id(prefix: str) -> str:
    """Return a random access key id (``AKIA…``, ``ASIA…``) of AWS's length."""
    return _random_id(prefix, 16)


def new_unique_id(prefix: str) -> str:
    """Return a random unique id of an IAM resource (``AIDA…`` for a user) of AWS's length.

    The prefixes are those of "IAM identifiers" (IAM user guide).
    """
    return _random_id(prefix, 17)


def _random_id(prefix: str, length: int) -> str:
    return prefix + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(length))


def iam_backend(account: str) -> Any:
    """Return moto's IAM of one account (created at first use)."""
    from moto.iam.models import iam_backends

    return iam_backends[account][PARTITION]


def find_role(arn: str) -> Any | None:
    """Return moto's role of this ARN, in whatever account it lives, or None."""
    account = arn.split(":")[4] if arn.count(":") >= 5 else ""
    if not account.isdigit():
        return None
    roles: Mapping[str, Any] = iam_backend(account).roles
    return next((role for role in list(roles.values()) if role.arn == arn), None)


def _user_key(key_id: str) -> AccessKey | None:
    from moto.iam.models import iam_backends

    for account in list(iam_backends):
        key = iam_backend(account).access_keys.get(key_id)
        if key is None or key.status != "Active":
            continue
        user = iam_backend(account).users.get(key.user_name)
        if user is not None:
            principal = Principal("user", user.arn, account, user.id, user.name, tags=_tags(user.arn, account))
            return AccessKey(key_id, key.secret_access_key, principal)
    return None


def _tags(arn: str, account: str) -> dict[str, str]:
    found: dict[str, str] = iam_backend(account).tagger.get_tag_dict_for_resource(arn)
    return found


def session_of(
    role: Any,
    session: str,
    *,
    policy: str = "",
    tags: Mapping[str, str] | None = None,
    transitive: frozenset[str] = frozenset(),
) -> Principal:
    """Return the principal that a session of ``role`` (moto's) is."""
    own = {tag["Key"]: tag["Value"] for tag in _role_tags(role)}
    return Principal(
        kind="role",
        arn=f"arn:{PARTITION}:sts::{role.account_id}:assumed-role/{role.name}/{session}",
        account=role.account_id,
        user_id=f"{role.id}:{session}",
        name=role.name,
        session=session,
        role_arn=role.arn,
        policy=policy,
        tags={**own, **(tags or {})},
        transitive=transitive,
    )


def _role_tags(role: Any) -> list[dict[str, str]]:
    tags = role.tags
    return list(tags.values()) if isinstance(tags, dict) else list(tags or [])
