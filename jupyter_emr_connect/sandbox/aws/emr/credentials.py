"""GetClusterSessionCredentials: a Basic pair for one runtime role on one cluster."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ....models import ROLE_ARN
from ...world.world import ClusterSpec
from ..failures import FailureKind, Refusal
from ..identity import find_role, iam_backend
from ..policy import trusts
from ..service import Call, Handler
from . import render
from .clusters import find, reject

_RELEASE = re.compile(r"(emr-spark|emr)-(\d+)\.(\d+)\.(\d+)")
FIRST_RELEASE = (6, 9)
"""Interactive use of runtime roles needs emr-6.9.0 (reference 1.6)."""


def get_cluster_session_credentials(call: Call) -> dict[str, Any]:
    """Answer with a fresh pair of ``world.pairs``; an older pair of the same caller stays good."""
    spec = find(call, call.params["ClusterId"])
    _check_cluster(call, spec)
    arn = call.params.get("ExecutionRoleArn", "")
    if not arn:
        reject("ExecutionRoleArn is required for this cluster: it has no Identity Center configuration.")
    _check_role(call, spec, arn)
    pair = call.aws.world.pairs.issue(spec.id, arn, call.principal.arn)
    return {
        "Credentials": {"UsernamePassword": {"Username": pair.username, "Password": pair.password}},
        "ExpiresAt": datetime.fromtimestamp(pair.expires_at, timezone.utc),
    }


def _check_cluster(call: Call, spec: ClusterSpec) -> None:
    if spec.state not in render.READY:
        reject(f"Cluster {spec.id} is in state {spec.state}. It must be in RUNNING or WAITING state.")
    release = _RELEASE.match(spec.release)
    if release and release[1] == "emr" and (int(release[2]), int(release[3])) < FIRST_RELEASE:
        reject(f"Release {spec.release} does not support runtime roles. Use emr-6.9.0 or later.")
    if not runtime_roles_enabled(call, spec):
        reject(f"Runtime roles are not enabled for cluster {spec.id}. Enable them in a security configuration.")


def runtime_roles_enabled(call: Call, spec: ClusterSpec) -> bool:
    """Whether the cluster's security configuration switches application-scoped IAM roles on (reference 1.6)."""
    return bool(_iam_configuration(call, spec).get("EnableApplicationScopedIAMRole"))


def _iam_configuration(call: Call, spec: ClusterSpec) -> Mapping[str, Any]:
    stored = call.aws.world.security.get((spec.account, spec.region), spec.security_configuration)
    if stored is None:
        return {"EnableApplicationScopedIAMRole": spec.runtime_roles}
    authorization = json.loads(stored.document).get("AuthorizationConfiguration") or {}
    found: Mapping[str, Any] = authorization.get("IAMConfiguration") or {}
    return found


def _check_role(call: Call, spec: ClusterSpec, arn: str) -> None:
    if not ROLE_ARN.fullmatch(arn):
        message = (
            f"1 validation error detected: Value '{arn[:120]}' at 'executionRoleArn' failed to satisfy constraint: "
        )
        raise Refusal(FailureKind.INVALID_PARAMETER, f"{message}Member must be the ARN of an IAM role")
    role = find_role(arn)
    if role is None:
        reject(f"The execution role {arn} does not exist.")
    options = _iam_configuration(call, spec).get("ApplicationScopedIAMRoleConfiguration") or {}
    external_id = str(options.get("ExternalId", ""))
    for action in ("sts:AssumeRole", "sts:TagSession"):
        if not trusts(role, action, instance_role(spec), external_id=external_id):
            who = f"the cluster's instance profile role {instance_role(spec)}"
            reject(f"The trust policy of {arn} does not let {who} perform {action}.")


def instance_role(spec: ClusterSpec) -> str:
    """Return the ARN of the role in the cluster's instance profile."""
    name = render.ec2_attributes(spec)["IamInstanceProfile"].rsplit("/", 1)[-1]
    profile = iam_backend(spec.account).instance_profiles.get(name)
    if profile is None or not profile.roles:
        return f"arn:aws:iam::{spec.account}:role/{name}"
    return str(profile.roles[0].arn)


HANDLERS: Mapping[str, Handler] = {"GetClusterSessionCredentials": get_cluster_session_credentials}
