"""Who the caller is, in which account and region, and as whom one could be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...aws.profiles import known_profiles
from ...aws.session import forget
from ...aws.sts import Identity, get_identity
from ...config import EMRConnect
from ...errors import EMRConnectError, NoCredentials
from .aws_sessions import session_for
from .known_callers import note_arn


@dataclass(frozen=True)
class Self:
    """The caller, the profiles that one could change to, and the SSO session that the present one logs in by."""

    identity: Identity
    profiles: tuple[str, ...]
    sso_session: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the JSON of ``GET identity``: the contract's, with ``profiles`` and ``sso_session``."""
        return {**self.identity.to_json(), "profiles": list(self.profiles), "sso_session": self.sso_session}


def whoami(config: EMRConnect, profile: str | None = None, region: str | None = None) -> Identity:
    """Return the caller's identity; blocks. Raises ``NoRegion``, ``NoCredentials``, AWS errors."""
    identity = get_identity(session_for(config, profile, region))
    for name in (identity.profile, profile or config.profile):  # also as it was asked for: by no name
        note_arn(name, identity.region, identity.arn)
    return identity


def describe_self(config: EMRConnect, profile: str | None = None, region: str | None = None) -> Self:
    """Return who this process acts as now, or would by another profile; blocks. Raises as :func:`whoami` does."""
    identity = whoami(config, profile, region)
    profiles = known_profiles()
    return Self(identity, tuple(profiles), profiles.get(identity.profile or "default"))


def profiles_or_none() -> list[str]:
    """Return the profiles that one could change to, none where the AWS files cannot be read; reads them anew."""
    try:
        return list(known_profiles())
    except EMRConnectError:
        return []


def change_profile(config: EMRConnect, profile: str | None) -> Self:
    """Act as ``profile`` from now on (None: as the AWS chain says); blocks.

    Every cached session is dropped, so that files and logins are read anew. Nothing changes when the profile does not
    exist or AWS does not know its caller. Attachments keep the profile they were made with, and kernels run on.
    """
    if profile is not None and profile not in (profiles := known_profiles()):
        message = f"There is no AWS profile {profile!r}."
        listed = ", ".join(profiles) or "none"
        raise NoCredentials(message, fix=f"Choose one of those in the AWS configuration files: {listed}.")
    forget()
    found = describe_self(EMRConnect(profile=profile or "", regions=config.regions))
    config.profile = profile or ""
    return found
