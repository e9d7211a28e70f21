"""STS: who am I."""

from __future__ import annotations

import re
import time
from concurrent.futures import TimeoutError as TooLate
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from ..errors import AccessDenied, AWSUnavailable, Throttled
from ..executors import DaemonExecutor
from .session import AWSSession

# Seconds after which STS is asked again that could not say whose account it is.
ASK_AGAIN = 300.0
_threads = DaemonExecutor(64, "emr-account")
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
    session.caller.account, session.caller.arn = answer["Account"], answer["Arn"]
    # botocore keeps the expiry of credentials it renews (SSO, assumed roles, containers) in this attribute only.
    moment = getattr(session.credentials, "_expiry_time", None)
    expires = moment.astimezone(timezone.utc).isoformat() if isinstance(moment, datetime) else None
    return Identity(answer["Arn"], answer["Account"], session.region, session.profile, expires)


def account_of(session: AWSSession) -> str:
    """Return the caller's account; AWS is asked once for each caller. Blocks, and raises as any AWS call does."""
    with session.caller.lock:
        return session.caller.account or get_identity(session).account


def arn_of(session: AWSSession) -> str:
    """Return the caller's ARN; AWS is asked once for each caller. Blocks, and raises as any AWS call does."""
    with session.caller.lock:
        return session.caller.arn or get_identity(session).arn


def account_within(session: AWSSession, seconds: float) -> str | None:
    """Return the caller's account, or None where STS does not say it within ``seconds``.

    For callers that can do without: a network may let EMR's calls through and not those to STS. Raises what is wrong
    with the caller's own credentials.
    """
    caller, now = session.caller, time.monotonic()
    with caller.asking:
        if caller.account:
            return caller.account
        inquiry, asked_at = caller.inquiries.get(session.region, (None, now))
        if inquiry is None or (inquiry.done() and now - asked_at > ASK_AGAIN):
            inquiry = _threads.submit(account_of, session)
            caller.inquiries[session.region] = inquiry, now
    try:
        return inquiry.result(seconds)
    except (TooLate, AccessDenied, AWSUnavailable, Throttled):
        return None
