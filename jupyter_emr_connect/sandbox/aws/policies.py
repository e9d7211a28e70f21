"""The policy documents of the sandbox's users and roles, and its EMR security configurations. Used by ``seed``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..world import ACCOUNT, REGION
from .emr.render import INSTANCE_PROFILE

Document = dict[str, Any]

_CLUSTERS = f"arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:cluster/*"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role"
_NOTEBOOKS = "arn:aws:s3:::emr-sandbox-notebooks"


def _policy(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(sid: str, actions: list[str], resource: str | list[str], condition: Document | None = None) -> Document:
    statement: Document = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def _emr(*names: str) -> list[str]:
    return [f"elasticmapreduce:{name}" for name in names]


_READ = _emr("DescribeCluster", "ListInstances", "ListInstanceGroups", "ListInstanceFleets", "ListSteps")
_READ += _emr("ListBootstrapActions")
_LIST = _allow("ListAll", _emr("ListClusters", "DescribeSecurityConfiguration"), "*")
_SAVE = _allow("SaveNotebooks", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"{_NOTEBOOKS}/*")
_FIND = _allow("FindNotebooks", ["s3:ListBucket", "s3:GetBucketLocation", "s3:GetBucketVersioning"], _NOTEBOOKS)


def _take(roles: list[str], condition: Document | None = None) -> Document:
    wanted = {"ArnLike": {"elasticmapreduce:ExecutionRoleArn": [f"{_ROLE}/{name}" for name in roles]}}
    actions = _emr("GetClusterSessionCredentials")
    return _allow("TakeRuntimeRole", actions, _CLUSTERS, {**wanted, **(condition or {})})


_ANALYTICS_ONLY = {"StringEquals": {"elasticmapreduce:ResourceTag/team": "analytics"}}

PROFILES: Mapping[str, Document] = {
    "developer": _policy(_LIST, _allow("Read", _READ, _CLUSTERS), _take(["EMRAnalyst", "EMREngineer"]), _SAVE, _FIND),
    "analyst": _policy(
        _LIST,
        _allow("Read", _READ, _CLUSTERS, _ANALYTICS_ONLY),
        _take(["EMRAnalyst"], _ANALYTICS_ONLY),
        _SAVE,
        _FIND,
    ),
    "administrator": _policy(
        _allow("Everything", ["*"], "*"),
        {
            "Sid": "NobodyTakesForbidden",
            "Effect": "Deny",
            "Action": _emr("GetClusterSessionCredentials"),
            "Resource": "*",
            "Condition": {"ArnLike": {"elasticmapreduce:ExecutionRoleArn": f"{_ROLE}/EMRForbidden"}},
        },
    ),
    "denied": _policy(_allow("WhoAmI", ["sts:GetCallerIdentity"], "*")),
}
"""What each profile's user may do; the user bears the profile's name."""


def service_trust(service: str) -> Document:
    """Return a trust policy for an AWS service."""
    return _policy({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def _runtime_trust() -> Document:
    """Trust of a runtime role: the clusters' instance profile (reference 9.3)."""
    principal = {"AWS": f"{_ROLE}/{INSTANCE_PROFILE}"}
    return _policy({"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]})


RUNTIME_ROLES: Mapping[str, Document] = {
    "EMRAnalyst": _runtime_trust(),
    "EMREngineer": _runtime_trust(),
    "EMRForbidden": _policy({"Effect": "Deny", "Principal": "*", "Action": "sts:*"}),
}
"""The runtime roles and their trust policies."""

DATA_POLICIES: Mapping[str, Document] = {
    "EMRAnalyst": _policy(_allow("ReadData", ["s3:GetObject", "s3:ListBucket"], "arn:aws:s3:::emr-sandbox-data*")),
    "EMREngineer": _policy(_allow("AllData", ["s3:*"], "arn:aws:s3:::emr-sandbox-data*")),
}

INSTANCE_PROFILE_POLICY = _policy(_allow("TakeRoles", ["sts:AssumeRole", "sts:TagSession"], f"{_ROLE}/EMR*"))

SECURITY_CONFIGURATIONS: Mapping[str, Document] = {
    "runtime-roles-tls": {
        "EncryptionConfiguration": {
            "EnableInTransitEncryption": True,
            "EnableAtRestEncryption": False,
            "InTransitEncryptionConfiguration": {
                "TLSCertificateConfiguration": {
                    "CertificateProviderType": "PEM",
                    "S3Object": "s3://emr-sandbox-data/certificates/certs.zip",
                }
            },
        },
        "AuthorizationConfiguration": {
            "IAMConfiguration": {
                "EnableApplicationScopedIAMRole": True,
                "ApplicationScopedIAMRoleConfiguration": {"PropagateSourceIdentity": False},
            }
        },
    },
    "kerberos": {
        "AuthenticationConfiguration": {
            "KerberosConfiguration": {
                "Provider": "ClusterDedicatedKdc",
                "ClusterDedicatedKdcConfiguration": {"TicketLifetimeInHours": 24},
            }
        },
    },
}
"""EMR's security configurations by name, in the form of reference 1.5 and 1.6."""
