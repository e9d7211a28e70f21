"""EMR Serverless: applications as our own types.

Names and meanings: botocore's model of ``emr-serverless``, 2021-07-13; what each way in needs: reference 3.1, 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timezone
from typing import Any

from ..errors import AWSError
from .errors import error_code
from .session import AWSSession

MISSING = ("ResourceNotFoundException", "ValidationException")
PAGE = 50
LIVE = ("CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED")


@dataclass(frozen=True)
class ApplicationRow:
    """A row of ``ListApplications``: what AWS tells without asking for the application itself."""

    id: str
    name: str
    arn: str
    state: str
    state_reason: str | None
    release: str | None
    type: str
    created_at: str | None


@dataclass(frozen=True)
class Application(ApplicationRow):
    """An application as ``GetApplication`` has it; the flags are those of its ``interactiveConfiguration``."""

    architecture: str | None = None
    studio_enabled: bool = False
    livy_endpoint_enabled: bool = False
    session_enabled: bool = False
    identity_center: bool = False
    auto_start: bool = True
    auto_stop_minutes: int | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    maximum_capacity: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def list_applications(session: AWSSession, *, ended: bool = False) -> Iterator[list[ApplicationRow]]:
    """Yield the applications, a page (50) at a time until AWS has no more; with ``ended`` also terminated ones."""
    states = {} if ended else {"states": list(LIVE)}
    for page in session.pages("emr-serverless", "ListApplications", PaginationConfig={"PageSize": PAGE}, **states):
        yield [
            ApplicationRow(**_row(row), state_reason=row.get("stateDetails") or None)
            for row in page.get("applications") or []
            if row.get("id")
        ]


def get_application(session: AWSSession, application_id: str) -> Application | None:
    """Return an application, or None when AWS knows no such id."""
    try:
        found = session.call("emr-serverless", "GetApplication", applicationId=application_id).get("application")
    except AWSError as error:
        if error_code(error) in MISSING:
            return None
        raise
    if not isinstance(found, dict):
        message = f"AWS answered for application {application_id!r} without describing it."
        raise AWSError(message, fix="Try again.", iam_action="emr-serverless:GetApplication")
    interactive = found.get("interactiveConfiguration") or {}
    network = found.get("networkConfiguration") or {}
    return Application(
        **_row({**found, "id": found.get("applicationId", application_id)}),
        state_reason=found.get("stateDetails") or None,
        architecture=found.get("architecture"),
        studio_enabled=interactive.get("studioEnabled") is True,
        livy_endpoint_enabled=interactive.get("livyEndpointEnabled") is True,
        session_enabled=interactive.get("sessionEnabled") is True,
        identity_center=bool((found.get("identityCenterConfiguration") or {}).get("identityCenterInstanceArn")),
        auto_start=(found.get("autoStartConfiguration") or {}).get("enabled", True) is not False,
        auto_stop_minutes=_auto_stop(found.get("autoStopConfiguration") or {}),
        subnets=tuple(network.get("subnetIds") or ()),
        security_groups=tuple(network.get("securityGroupIds") or ()),
        maximum_capacity=dict(found.get("maximumCapacity") or {}),
        tags=dict(found.get("tags") or {}),
    )


def start_application(session: AWSSession, application_id: str) -> None:
    """Ask for an application to be started; one that starts or has started stays as it is."""
    session.call("emr-serverless", "StartApplication", applicationId=application_id)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    created = row.get("createdAt")
    return {
        "id": row["id"],
        "name": row.get("name") or row["id"],
        "arn": row.get("arn", ""),
        "state": row.get("state", "UNKNOWN"),
        "release": row.get("releaseLabel"),
        "type": row.get("type", ""),
        "created_at": created.astimezone(timezone.utc).isoformat() if created else None,
    }


def _auto_stop(settings: dict[str, Any]) -> int | None:
    if settings.get("enabled") is False:
        return None
    minutes = settings.get("idleTimeoutMinutes")
    return int(minutes) if minutes is not None else None
