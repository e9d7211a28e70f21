"""Which IAM actions, resources and condition keys an EMR call raises.

Source: "Actions, resources, and condition keys for Amazon Elastic MapReduce" (service authorization reference).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...world.world import ClusterSpec
from ..identity import iam_backend
from ..service import Call, Check

PREFIX = "elasticmapreduce"


def checks(call: Call) -> Sequence[Check]:
    """Return IAM's questions for an EMR call: one for each cluster it names, else one for everything."""
    action = f"{PREFIX}:{call.action}"
    ids = _cluster_ids(call)
    context = {**_role(call), **_request_tags(call)}
    if not ids:
        return [Check(action, "*", context), *_passed_roles(call)]
    found = []
    for cluster_id in ids:
        spec = call.aws.world.clusters.get(cluster_id)
        known = spec is not None and (spec.account, spec.region) == (call.account, call.region)
        tags = _tags(spec) if spec is not None and known else {}
        found.append(Check(action, cluster_arn(call, cluster_id), {**context, **tags}))
    return found


def compute(call: Call) -> str | None:
    """Return the cluster that a call is about, for faults that are meant for one."""
    ids = _cluster_ids(call)
    return ids[0] if ids else None


def _passed_roles(call: Call) -> list[Check]:
    """RunJobFlow hands roles to AWS's services, which the caller must be allowed to."""
    found = []
    profile = iam_backend(call.account).instance_profiles.get(call.params.get("JobFlowRole", "").rpartition("/")[2])
    if profile is not None:
        roles = [(str(role.arn), "ec2.amazonaws.com") for role in profile.roles]
        found += [Check("iam:PassRole", arn, {"iam:PassedToService": [service]}) for arn, service in roles]
    if call.params.get("ServiceRole"):
        name = call.params["ServiceRole"].rpartition("/")[2]
        arn = f"arn:aws:iam::{call.account}:role/{name}"
        found.append(Check("iam:PassRole", arn, {"iam:PassedToService": ["elasticmapreduce.amazonaws.com"]}))
    return found


def cluster_arn(call: Call, cluster_id: str) -> str:
    """Return the ARN that a cluster id has in the caller's account and the call's region."""
    return f"arn:aws:elasticmapreduce:{call.region}:{call.account}:cluster/{cluster_id}"


def _cluster_ids(call: Call) -> list[str]:
    one = call.params.get("ClusterId") or call.params.get("ResourceId")
    return [str(one)] if one else [str(each) for each in call.params.get("JobFlowIds", [])]


def _role(call: Call) -> dict[str, list[str]]:
    arn = call.params.get("ExecutionRoleArn")
    return {f"{PREFIX}:ExecutionRoleArn": [arn]} if arn else {}


def _request_tags(call: Call) -> dict[str, list[str]]:
    given = {tag["Key"]: tag.get("Value", "") for tag in call.params.get("Tags", []) if "Key" in tag}
    keys = [*given, *call.params.get("TagKeys", [])]
    context = {"aws:TagKeys": keys} if keys else {}
    for name, value in given.items():
        context[f"{PREFIX}:RequestTag/{name}"] = context[f"aws:RequestTag/{name}"] = [value]
    return context


def _tags(spec: ClusterSpec) -> dict[str, list[str]]:
    tags: dict[str, list[str]] = {}
    for name, value in spec.tags.items():
        tags[f"{PREFIX}:ResourceTag/{name}"] = tags[f"aws:ResourceTag/{name}"] = [value]
    return tags
