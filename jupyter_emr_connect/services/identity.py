"""Who the caller is, in which account and region."""

from __future__ import annotations

from ..aws.sts import Identity, get_identity
from ..config import EMRConnect
from .sessions import session_for


def whoami(config: EMRConnect, profile: str | None = None, region: str | None = None) -> Identity:
    """Return the caller's identity; blocks. Raises ``NoRegion``, ``NoCredentials``, AWS errors."""
    return get_identity(session_for(config, profile, region))
