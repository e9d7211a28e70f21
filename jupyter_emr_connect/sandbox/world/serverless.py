"""EMR Serverless in the sandbox: applications; those with an ``address`` have a Livy, the others are on paper."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any


@dataclass(frozen=True)
class ApplicationSpec:
    """A Serverless application; the flags are those of its ``interactiveConfiguration``.

    ``auto_stop_minutes`` is 0 where it does not stop by itself; ``described`` holds further members of GetApplication's
    answer, in its shape. ``address`` is where the door listens by whose faults it is struck; empty where none does.
    """

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
    updated_at: datetime | None = None
    described: dict[str, Any] = field(default_factory=dict, repr=False)
    address: str = ""

    @property
    def arn(self) -> str:
        """The application's ARN."""
        return f"arn:aws:emr-serverless:{self.region}:{self.account}:/applications/{self.id}"


def standard_applications(account: str, region: str, subnet: str = "") -> list[ApplicationSpec]:
    """Return the applications every sandbox comes with: ``interactive``, with every way in switched on."""
    return [
        ApplicationSpec(
            id="00fsandbox000001",
            name="interactive",
            account=account,
            region=region,
            release="emr-7.13.0",
            studio_enabled=True,
            livy_endpoint_enabled=True,
            session_enabled=True,
            tags={"owner": "sandbox", "team": "interactive"},
            created_at=datetime.now(timezone.utc) - timedelta(minutes=5),
            address=f"127.0.{subnet}.9" if subnet else "",
        )
    ]
