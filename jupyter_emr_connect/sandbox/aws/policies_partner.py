"""The policy documents of the second account, 210987654321, for what crosses accounts (reference 8.6).

Option 1: its access roles may be taken from the first account. Option 2: its bucket admits the first account's
EMRAnalyst. Option 3: its runtime role EMRPartner trusts the instance profiles of both accounts.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..world.world import ACCOUNT, OTHER_ACCOUNT
from .policies import (
    LIST,
    PARTNER_BUCKET,
    PARTNER_ROLE,
    READ_CLUSTERS,
    READ_ENDPOINTS,
    TOKEN,
    Document,
    allow,
    policy,
    runtime_trust,
)

EXTERNAL_ID = "sandbox-external-id"
"""What EMRAccessWithId demands as ``sts:ExternalId``."""
_ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role"
_BUCKET = [f"arn:aws:s3:::{PARTNER_BUCKET}", f"arn:aws:s3:::{PARTNER_BUCKET}/*"]
_CLUSTERS = f"arn:aws:elasticmapreduce:*:{OTHER_ACCOUNT}:cluster/*"
_VIRTUAL_CLUSTERS = f"arn:aws:emr-containers:*:{OTHER_ACCOUNT}:/virtualclusters/*"
_APPLICATIONS = f"arn:aws:emr-serverless:*:{OTHER_ACCOUNT}:/applications/*"


def _for_partner(prefix: str) -> Document:
    return {"ArnLike": {f"{prefix}:ExecutionRoleArn": f"{_ROLE}/{PARTNER_ROLE}"}}


ACCESS_POLICY = policy(
    allow("ListAll", LIST, "*"),
    allow("ReadClusters", READ_CLUSTERS, _CLUSTERS),
    allow("ReadEndpoints", READ_ENDPOINTS, _VIRTUAL_CLUSTERS),
    allow("ReadApplications", ["emr-serverless:GetApplication"], _APPLICATIONS),
    allow(
        "TakeRuntimeRole",
        ["elasticmapreduce:GetClusterSessionCredentials"],
        _CLUSTERS,
        _for_partner("elasticmapreduce"),
    ),
    allow("TakeExecutionRole", [TOKEN], _VIRTUAL_CLUSTERS, _for_partner("emr-containers")),
    allow("AskAboutMyself", ["iam:SimulatePrincipalPolicy"], f"{_ROLE}/EMRAccess*"),
    allow("ReadRoles", ["iam:GetRole"], f"{_ROLE}/EMR*"),
    allow("ReadInstanceProfile", ["iam:GetInstanceProfile"], f"arn:aws:iam::{OTHER_ACCOUNT}:instance-profile/EMR*"),
)
"""What the access roles may do."""


def _trust(actions: list[str], condition: Document | None = None) -> Document:
    users = [f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("developer", "administrator")]
    return {
        "Effect": "Allow",
        "Principal": {"AWS": users},
        "Action": actions,
        **({"Condition": condition} if condition else {}),
    }


ACCESS_TRUST: Mapping[str, Document] = {
    "EMRAccess": policy(_trust(["sts:AssumeRole"])),
    "EMRAccessWithId": policy(
        _trust(["sts:AssumeRole"], {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}),
        _trust(["sts:TagSession"]),
    ),
}
"""The access roles and their trust policies."""

RUNTIME_TRUST = policy(runtime_trust(ACCOUNT, OTHER_ACCOUNT))
"""Trust of EMRPartner."""
RUNTIME_POLICY = policy(allow("AllData", ["s3:*"], _BUCKET))
INSTANCE_PROFILE_POLICY = policy(allow("TakeRoles", ["sts:AssumeRole", "sts:TagSession"], f"{_ROLE}/EMR*"))

BUCKET_POLICY = policy(
    {
        **allow("AdmitAnalyst", ["s3:GetObject", "s3:ListBucket"], _BUCKET),
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/EMRAnalyst"},
    }
)
