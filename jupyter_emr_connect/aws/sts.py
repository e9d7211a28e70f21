"""STS: who am I."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from .session import AWSSession

ASSUMED_ROLE = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([\w+=,.@-]+)/.+", re.ASCII)


@dataclass(frozen=True)
class Identity:
    """The caller of a session; ``expires_at`` is ISO 8601, or None where the credentials do not say."""

    arn: str
    account: str
    region: str
    profile: str | None = None
    expires_at: str | None = None

    @property
    def principal(self) -> str:
        """The ARN of the IAM user or role behind the caller: for a session its role's, as if it had no path.

        STS does not tell the paths of roles; :func:`~.iam.get_role` does.
        """
        found = ASSUMED_ROLE.fullmatch(self.arn)
        return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else self.arn

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
    with session.caller.asking:
        return session.caller.account or get_identity(session).account
