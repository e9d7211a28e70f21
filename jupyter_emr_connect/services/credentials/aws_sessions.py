"""Which AWS session a command, a kernel or a request uses."""

from __future__ import annotations

from ...aws.session import AWSSession, open_session
from ...config import EMRConnect
from ...models import Compute
from ..compute.sources import access_role


def session_for(config: EMRConnect, profile: str | None = None, region: str | None = None) -> AWSSession:
    """Return the session for what the user named, else what is configured, else the AWS chain's choice.

    Blocks. Raises ``NoRegion``, ``NoCredentials``, ``CredentialsExpired``.
    """
    configured = config.regions[0] if config.regions else None
    return open_session(profile or config.profile or None, region or configured)


def session_of(config: EMRConnect, compute: Compute) -> AWSSession:
    """Return the session in a compute's own region, as the caller it was found with. Blocks; raises as above."""
    return open_session(compute.profile, compute.region, access_role(config, compute.access_role))
