"""EMR Serverless in the sandbox: applications, on paper only (AWS lists and describes them)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone


@dataclass(frozen=True)
class ApplicationSpec:
    """A Serverless application; the flags are those of its ``interactiveConfiguration``."""

    id: str
    name: str
    account: str
    region: str
    type: str = "Spark"
    release: str = "emr-7.1.0"
    state: str = "STARTED"
    state_details: str = ""
    architecture: str = "X86_64"
    studio_enabled: bool = False
    livy_endpoint_enabled: bool = False
    session_enabled: bool = False
    auto_start: bool = True
    auto_stop_minutes: int = 15
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def arn(self) -> str:
        """The application's ARN."""
        return f"arn:aws:emr-serverless:{self.region}:{self.account}:/applications/{self.id}"
