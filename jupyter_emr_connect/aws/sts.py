"""STS: who am I."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from .session import AWSSession


@dataclass(frozen=True)
class Identity:
    """The caller of a session; ``expires_at`` is ISO 8601, or None where the credentials do not say."""

    arn: str
    account: str
    region: str
    profile: str | None = None
    expires_at: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the contract's identity JSON."""
        return asdict(self)


def get_identity(session: AWSSession) -> Identity:
    """Ask ``GetCallerIdentity``, which needs no permission."""
    answer = session.call("sts", "GetCallerIdentity")
    session.caller.account = answer["Account"]
    # botocore keeps the expiry of credentials it renews (SSO, assumed roles, containers) in this attribute only.
    moment = getattr(session.credentials, "_expiry_time", None)
    expires = moment.astimezone(timezone.utc).isoformat() if isinstance(moment, datetime) else None
    return Identity(answer["Arn"], answer["Account"], session.region, session.profile, expires)


def account_of(session: AWSSession) -> str:
    """Return the caller's account; AWS is asked once for each caller. Blocks, and raises as any AWS call does."""
    with session.caller.lock:
        return session.caller.account or get_identity(session).account
