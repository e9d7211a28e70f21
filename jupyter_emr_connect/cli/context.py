"""How one command was called, and what that means for its settings, sources and AWS session."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..aws.session import AWSSession
    from ..config import EMRConnect
    from ..services.audit import Audit
    from ..services.compute.sources import Source


@dataclass(frozen=True)
class CommandContext:
    """How one command was called: ``--json``, ``--profile`` and ``--region``."""

    as_json: bool
    profile: str | None
    region: str | None

    @functools.cached_property
    def config(self) -> EMRConnect:
        """The settings from Jupyter's configuration files."""
        from ..config import EMRConnect, load_config

        return EMRConnect(config=load_config())

    @functools.cached_property
    def audit(self) -> Audit:
        """The audit of this command: the handlers that Jupyter's configuration files give to ``EventLogger``."""
        from ..presentation.auditing import open_audit

        return open_audit("cli")

    def sources(self) -> list[Source]:
        """Return where to look for computes; ``--profile`` and ``--region`` take several names, parted by commas."""
        from ..services.compute.sources import list_sources

        return list_sources(self.config, split_commas(self.profile), split_commas(self.region))

    def session(self) -> AWSSession:
        """Return the AWS session for the profile and region asked for."""
        from ..services.credentials.aws_sessions import session_for

        return session_for(self.config, self.profile, self.region)


def split_commas(text: str | None) -> list[str]:
    """Return the names of an option that takes several, parted by commas."""
    return [one.strip() for one in (text or "").split(",") if one.strip()]
