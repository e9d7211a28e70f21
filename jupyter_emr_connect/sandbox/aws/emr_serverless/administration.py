"""What changes applications: they are made, started, stopped, changed and deleted (reference 3.1)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ...world.serverless import ApplicationSpec
from ..failures import Refusal
from ..service import Call, Handler
from .applications import QUOTA, find, get_application, invalid

_RELEASE = re.compile(r"(emr|emr-spark)-\d+\.\d+\.\d+")
_TYPES = ("spark", "hive")
_IDLE = ("CREATED", "STOPPED")
_COPIED = (
    "initialCapacity",
    "maximumCapacity",
    "imageConfiguration",
    "runtimeConfiguration",
    "monitoringConfiguration",
    "schedulerConfiguration",
    "jobLevelCostAllocationConfiguration",
)
"""Members that GetApplication says as CreateApplication was told them."""


def create_application(call: Call) -> dict[str, Any]:
    """Answer CreateApplication: CREATING and then CREATED."""
    params = call.params
    if params["type"].lower() not in _TYPES:
        invalid(f"The application type {params['type']} is not valid: SPARK or HIVE.")
    blank = ApplicationSpec(
        id=f"00{secrets.token_hex(7)}",
        name=params.get("name", ""),
        account=call.account,
        region=call.region,
        type=params["type"].capitalize(),
        state="CREATING",
        tags=dict(params.get("tags", {})),
        created_at=_now(call),
    )
    made = _configured(blank, params)
    spec = call.aws.applications.add(made, (call.account, call.region, str(params["clientToken"])))
    return {"applicationId": spec.id, "arn": spec.arn} | ({"name": spec.name} if spec.name else {})


def update_application(call: Call) -> dict[str, Any]:
    """Answer UpdateApplication, which AWS allows for CREATED and STOPPED ones only."""

    def changed(spec: ApplicationSpec) -> ApplicationSpec:
        _demand(spec, _IDLE)
        return replace(_configured(spec, call.params), updated_at=_now(call))

    _change(call, changed)
    return get_application(call)


def _configured(spec: ApplicationSpec, params: Mapping[str, Any]) -> ApplicationSpec:
    release = params.get("releaseLabel", spec.release)
    if not _RELEASE.fullmatch(release):
        invalid(f"The release label {release[:40]} is not valid.")
    interactive = params.get("interactiveConfiguration") or {}
    network = params.get("networkConfiguration") or {}
    stop = params.get("autoStopConfiguration") or {}
    minutes = int(stop.get("idleTimeoutMinutes", spec.auto_stop_minutes or 15))
    return replace(
        spec,
        release=release,
        architecture=params.get("architecture", spec.architecture),
        studio_enabled=interactive.get("studioEnabled", spec.studio_enabled),
        livy_endpoint_enabled=interactive.get("livyEndpointEnabled", spec.livy_endpoint_enabled),
        session_enabled=interactive.get("sessionEnabled", spec.session_enabled),
        auto_start=(params.get("autoStartConfiguration") or {}).get("enabled", spec.auto_start),
        auto_stop_minutes=minutes if stop.get("enabled", spec.auto_stop_minutes > 0) else 0,
        subnets=tuple(network.get("subnetIds", spec.subnets)),
        security_groups=tuple(network.get("securityGroupIds", spec.security_groups)),
        described={**spec.described, **{name: params[name] for name in _COPIED if name in params}},
    )


def start_application(call: Call) -> dict[str, Any]:
    """Answer StartApplication; one that starts or has started stays as it is."""

    def started(spec: ApplicationSpec) -> ApplicationSpec:
        if spec.state in ("STARTING", "STARTED"):
            return spec
        _demand(spec, _IDLE)
        if call.aws.world.faults.hits("quota", spec.id):
            raise Refusal(QUOTA, "The account's limit of concurrent vCPUs is reached.", status=402)
        return replace(spec, state="STARTING", updated_at=_now(call))

    _change(call, started)
    return {}


def stop_application(call: Call) -> dict[str, Any]:
    """Answer StopApplication; one that stops or has stopped stays as it is."""

    def stopped(spec: ApplicationSpec) -> ApplicationSpec:
        if spec.state in ("STOPPING", "STOPPED"):
            return spec
        _demand(spec, ("STARTED",))
        return replace(spec, state="STOPPING", updated_at=_now(call))

    _change(call, stopped)
    return {}


def delete_application(call: Call) -> dict[str, Any]:
    """Answer DeleteApplication, which AWS allows for CREATED and STOPPED ones only."""

    def ended(spec: ApplicationSpec) -> ApplicationSpec:
        _demand(spec, _IDLE)
        return replace(spec, state="TERMINATED", updated_at=_now(call))

    _change(call, ended)
    return {}


def _change(call: Call, update: Callable[[ApplicationSpec], ApplicationSpec]) -> None:
    call.aws.applications.change(find(call, call.params["applicationId"]).id, update)


def _demand(spec: ApplicationSpec, states: tuple[str, ...]) -> None:
    if spec.state not in states:
        invalid(f"Application {spec.id} is in state {spec.state}. It must be {' or '.join(states)}.")


def _now(call: Call) -> datetime:
    return datetime.fromtimestamp(call.now, timezone.utc)


HANDLERS: Mapping[str, Handler] = {
    "CreateApplication": create_application,
    "UpdateApplication": update_application,
    "StartApplication": start_application,
    "StopApplication": stop_application,
    "DeleteApplication": delete_application,
}
