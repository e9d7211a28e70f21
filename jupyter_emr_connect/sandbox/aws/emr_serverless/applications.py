"""ListApplications and GetApplication; :func:`find` serves the other module too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from ...world.serverless import ApplicationSpec
from ..failures import FailureKind, Refusal
from ..paging import page
from ..service import Call, Handler

NOT_FOUND = "ResourceNotFoundException"
QUOTA = "ServiceQuotaExceededException"
PAGE = 50
"""Rows of one answer (botocore's model of ListApplications)."""


def invalid(message: str) -> NoReturn:
    """Refuse a request that cannot be done."""
    raise Refusal(FailureKind.INVALID_PARAMETER, message)


def find(call: Call, application_id: str) -> ApplicationSpec:
    """Return the caller's application; raises :class:`Refusal` (404) when there is none in the call's region."""
    call.aws.applications.advance()
    spec = call.aws.world.applications.get(application_id)
    if spec is None or (spec.account, spec.region) != (call.account, call.region):
        raise Refusal(NOT_FOUND, f"Application {application_id} does not exist.", status=404)
    return spec


def list_applications(call: Call) -> dict[str, Any]:
    """Answer ListApplications: newest first, by state where asked."""
    call.aws.applications.advance()
    states = set(call.params.get("states", ()))
    rows = [
        spec
        for spec in list(call.aws.world.applications.values())
        if (spec.account, spec.region) == (call.account, call.region) and (not states or spec.state in states)
    ]
    rows.sort(key=lambda spec: (spec.created_at, spec.id), reverse=True)
    shown, more = page(rows, call, most=PAGE)
    return {"applications": [{"id": spec.id, **_common(spec)} for spec in shown], **more}


def get_application(call: Call) -> dict[str, Any]:
    """Answer GetApplication."""
    spec = find(call, call.params["applicationId"])
    stop: dict[str, Any] = {"enabled": spec.auto_stop_minutes > 0}
    if spec.auto_stop_minutes > 0:
        stop["idleTimeoutMinutes"] = spec.auto_stop_minutes
    found: dict[str, Any] = {
        "applicationId": spec.id,
        **_common(spec),
        "autoStartConfiguration": {"enabled": spec.auto_start},
        "autoStopConfiguration": stop,
        "interactiveConfiguration": {
            "studioEnabled": spec.studio_enabled,
            "livyEndpointEnabled": spec.livy_endpoint_enabled,
            "sessionEnabled": spec.session_enabled,
        },
        "tags": dict(spec.tags),
        **spec.described,
    }
    if spec.subnets:
        network = {"subnetIds": list(spec.subnets), "securityGroupIds": list(spec.security_groups)}
        found["networkConfiguration"] = network
    return {"application": found}


def _common(spec: ApplicationSpec) -> dict[str, Any]:
    found = {
        "arn": spec.arn,
        "releaseLabel": spec.release,
        "type": spec.type,
        "state": spec.state,
        "createdAt": spec.created_at,
        "updatedAt": spec.updated_at or spec.created_at,
        "architecture": spec.architecture,
    }
    return found | {name: text for name, text in (("name", spec.name), ("stateDetails", spec.state_details)) if text}


HANDLERS: Mapping[str, Handler] = {"ListApplications": list_applications, "GetApplication": get_application}
