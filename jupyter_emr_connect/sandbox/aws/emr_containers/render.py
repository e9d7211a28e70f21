"""Virtual clusters and endpoints in the shapes of the service's answers (botocore's model of ``emr-containers``)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from ...world.eks import EndpointSpec, VirtualClusterSpec


def virtual_cluster(spec: VirtualClusterSpec) -> dict[str, Any]:
    """Return a virtual cluster; rows of lists are the same as descriptions."""
    return {
        "id": spec.id,
        "name": spec.name,
        "arn": spec.arn,
        "state": spec.state,
        "containerProvider": {
            "type": "EKS",
            "id": spec.eks_cluster,
            "info": {"eksInfo": {"namespace": spec.namespace}},
        },
        "createdAt": spec.created_at,
        "tags": dict(spec.tags),
        "sessionEnabled": False,
    }


def endpoint(spec: EndpointSpec) -> dict[str, Any]:
    """Return a managed endpoint; rows of lists are the same as descriptions (reference 2.2)."""
    found: dict[str, Any] = {
        "id": spec.id,
        "name": spec.name,
        "arn": spec.arn,
        "virtualClusterId": spec.virtual_cluster.id,
        "type": spec.type,
        "state": spec.state,
        "releaseLabel": spec.release,
        "executionRoleArn": spec.execution_role,
        "createdAt": spec.created_at,
        "securityGroup": _made_up("sg", spec),
        "subnetIds": [_made_up("subnet", spec)],
        "tags": dict(spec.tags),
    }
    if spec.overrides:
        found["configurationOverrides"] = dict(spec.overrides)
    if spec.state_details:
        found["stateDetails"] = spec.state_details
    if spec.failure_reason:
        found["failureReason"] = spec.failure_reason
    if spec.server_url and spec.state != "CREATING":
        found["serverUrl"] = spec.server_url
    if spec.certificate:
        found["certificateAuthority"] = {"certificateData": base64.b64encode(spec.certificate.encode()).decode()}
    return found


def _made_up(prefix: str, spec: EndpointSpec) -> str:
    """Return a resource id that stays the same for the endpoints of a virtual cluster."""
    return f"{prefix}-{hashlib.sha256(f'{spec.virtual_cluster.id}/{prefix}'.encode()).hexdigest()[:17]}"
