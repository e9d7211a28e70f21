"""The policy documents of the sandbox's users and roles, and its EMR security configurations. Used by ``seed``.

Those of the second account are in ``policies_partner``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..world.world import ACCOUNT, OTHER_ACCOUNT
from .emr.render import INSTANCE_PROFILE

Document = dict[str, Any]

PARTNER_ROLE = "EMRPartner"
"""The runtime role of the other account."""
ACCESS_ROLES = ("EMRAccess", "EMRAccessWithId")
"""The access roles of the other account."""
PARTNER_BUCKET = "emr-sandbox-partner-data"

_CLUSTERS = f"arn:aws:elasticmapreduce:*:{ACCOUNT}:cluster/*"
_VIRTUAL_CLUSTERS = f"arn:aws:emr-containers:*:{ACCOUNT}:/virtualclusters/*"
_APPLICATIONS = f"arn:aws:emr-serverless:*:{ACCOUNT}:/applications/*"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role"
_OTHER_ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role"
_LOGINS = f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:emr-sandbox/ldap/*"
_NOTEBOOKS = "arn:aws:s3:::emr-sandbox-notebooks"


def policy(*statements: Document) -> Document:
    """Return a policy document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(sid: str, actions: list[str], resource: str | list[str], condition: Document | None = None) -> Document:
    """Return a statement that allows the actions."""
    statement: Document = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def _emr(*names: str) -> list[str]:
    return [f"elasticmapreduce:{name}" for name in names]


def _for_roles(prefix: str, *arns: str) -> Document:
    """Return the condition that a call names one of these roles as execution role."""
    return {"ArnLike": {f"{prefix}:ExecutionRoleArn": list(arns)}}


READ_CLUSTERS = _emr("DescribeCluster", "ListInstances", "ListInstanceGroups", "ListInstanceFleets", "ListSteps")
READ_CLUSTERS += _emr("ListBootstrapActions", "GetAutoTerminationPolicy")
READ_ENDPOINTS = [
    f"emr-containers:{name}" for name in ("DescribeVirtualCluster", "ListManagedEndpoints", "DescribeManagedEndpoint")
]
LIST = [
    *_emr("ListClusters", "DescribeSecurityConfiguration"),
    "emr-containers:ListVirtualClusters",
    "emr-serverless:ListApplications",
    *(f"ec2:Describe{name}" for name in ("Subnets", "Vpcs", "SecurityGroups")),
]
TOKEN = "emr-containers:GetManagedEndpointSessionCredentials"  # noqa: S105 - an action
_LIST = allow("ListAll", LIST, "*")
_SAVE = allow("SaveNotebooks", [f"s3:{name}Object" for name in ("Get", "Put", "Delete")], f"{_NOTEBOOKS}/*")
_VERSIONS = allow("ReadVersions", ["s3:GetObjectVersion"], f"{_NOTEBOOKS}/*")
_FIND = allow(
    "FindNotebooks",
    ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
    _NOTEBOOKS,
)
_KEYS = allow("UseKeys", ["kms:GenerateDataKey", "kms:Decrypt"], f"arn:aws:kms:*:{ACCOUNT}:key/*")


def _take(roles: list[str], condition: Document | None = None) -> Document:
    wanted = _for_roles("elasticmapreduce", *roles)
    actions = _emr("GetClusterSessionCredentials")
    return allow("TakeRuntimeRole", actions, _CLUSTERS, {**wanted, **(condition or {})})


def _elsewhere(roles: list[str]) -> list[Document]:
    """Return what a user of these runtime roles may do on EMR on EKS and EMR Serverless, and ask of IAM."""
    serverless = {"StringEquals": {"iam:PassedToService": SERVERLESS}}
    return [
        allow("ReadEndpoints", READ_ENDPOINTS, _VIRTUAL_CLUSTERS),
        allow("TakeExecutionRole", [TOKEN], _VIRTUAL_CLUSTERS, _for_roles("emr-containers", *roles)),
        allow(
            "UseApplications",
            [f"emr-serverless:{name}" for name in ("GetApplication", "StartApplication", "AccessLivyEndpoints")],
            _APPLICATIONS,
        ),
        allow("PassRuntimeRole", ["iam:PassRole"], roles, serverless),
        allow("AskAboutMyself", ["iam:SimulatePrincipalPolicy"], f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"),
        allow("ReadRoles", ["iam:GetRole"], f"{_ROLE}/EMR*"),
        allow("ReadInstanceProfile", ["iam:GetInstanceProfile"], f"arn:aws:iam::{ACCOUNT}:instance-profile/EMR*"),
    ]


_ANALYTICS_ONLY = {"StringEquals": {"elasticmapreduce:ResourceTag/team": "analytics"}}

SERVERLESS = "emr-serverless.amazonaws.com"
_ANALYST, _ENGINEER, _FORBIDDEN = (f"{_ROLE}/{name}" for name in ("EMRAnalyst", "EMREngineer", "EMRForbidden"))


def _deny(sid: str, actions: list[str], resource: str, condition: Document | None = None) -> Document:
    return {**allow(sid, actions, resource, condition), "Effect": "Deny"}


PROFILES: Mapping[str, Document] = {
    "developer": policy(
        _LIST,
        allow("Read", READ_CLUSTERS, _CLUSTERS),
        _take([_ANALYST, _ENGINEER, f"{_OTHER_ROLE}/{PARTNER_ROLE}"]),
        *_elsewhere([_ANALYST, _ENGINEER]),
        allow("TakeAccessRole", ["sts:AssumeRole"], [f"{_OTHER_ROLE}/{name}" for name in ACCESS_ROLES]),
        allow("ReadLogins", ["secretsmanager:GetSecretValue"], _LOGINS),
        allow("TagAccessRole", ["sts:TagSession"], f"{_OTHER_ROLE}/EMRAccessWithId"),
        _SAVE,
        _VERSIONS,
        _FIND,
        _KEYS,
    ),
    "analyst": policy(
        _LIST,
        allow("Read", READ_CLUSTERS, _CLUSTERS, _ANALYTICS_ONLY),
        _take([_ANALYST], _ANALYTICS_ONLY),
        *_elsewhere([_ANALYST]),
        _SAVE,
        _VERSIONS,
        _FIND,
        _KEYS,
    ),
    "administrator": policy(
        allow("Everything", ["*"], "*"),
        _deny(
            "NobodyTakesForbidden",
            _emr("GetClusterSessionCredentials"),
            "*",
            _for_roles("elasticmapreduce", _FORBIDDEN),
        ),
        _deny("NorOnKubernetes", [TOKEN], "*", _for_roles("emr-containers", _FORBIDDEN)),
        _deny("NorPassesIt", ["iam:PassRole"], _FORBIDDEN),
    ),
    "denied": policy(allow("WhoAmI", ["sts:GetCallerIdentity"], "*")),
}
"""What each profile's user may do; the user bears the profile's name."""


def service_trust(service: str) -> Document:
    """Return a trust policy for an AWS service."""
    return policy({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


def runtime_trust(*accounts: str) -> Document:
    """Return a statement of a runtime role's trust: the instance profiles of these accounts' clusters (9.3)."""
    roles = [f"arn:aws:iam::{account}:role/{INSTANCE_PROFILE}" for account in accounts]
    return {"Effect": "Allow", "Principal": {"AWS": roles}, "Action": ["sts:AssumeRole", "sts:TagSession"]}


def _everywhere() -> Document:
    """Trust of a runtime role for clusters and for Serverless applications (reference 9.3)."""
    serverless = {"Effect": "Allow", "Principal": {"Service": SERVERLESS}, "Action": "sts:AssumeRole"}
    return policy(runtime_trust(ACCOUNT), serverless)


RUNTIME_ROLES: Mapping[str, Document] = {
    "EMRAnalyst": _everywhere(),
    "EMREngineer": _everywhere(),
    "EMRForbidden": policy({"Effect": "Deny", "Principal": "*", "Action": "sts:*"}),
}
"""The runtime roles and their trust policies."""

DATA_POLICIES: Mapping[str, Document] = {
    "EMRAnalyst": policy(
        allow(
            "ReadData",
            ["s3:GetObject", "s3:ListBucket"],
            ["arn:aws:s3:::emr-sandbox-data*", f"arn:aws:s3:::{PARTNER_BUCKET}*"],
        )
    ),
    "EMREngineer": policy(allow("AllData", ["s3:*"], "arn:aws:s3:::emr-sandbox-data*")),
}

INSTANCE_PROFILE_POLICY = policy(
    allow("TakeRoles", ["sts:AssumeRole", "sts:TagSession"], [f"{_ROLE}/EMR*", f"{_OTHER_ROLE}/{PARTNER_ROLE}"]),
    # What runs without a runtime role reaches S3 as the instance profile does.
    allow("AllData", ["s3:*"], "arn:aws:s3:::emr-sandbox-data*"),
)

_IN_TRANSIT: Document = {
    "EnableInTransitEncryption": True,
    "EnableAtRestEncryption": False,
    "InTransitEncryptionConfiguration": {
        "TLSCertificateConfiguration": {
            "CertificateProviderType": "PEM",
            "S3Object": "s3://emr-sandbox-data/certificates/certs.zip",
        }
    },
}

SECURITY_CONFIGURATIONS: Mapping[str, Document] = {
    "runtime-roles-tls": {
        "EncryptionConfiguration": _IN_TRANSIT,
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
    "ldap-tls": {
        "EncryptionConfiguration": _IN_TRANSIT,
        "AuthenticationConfiguration": {
            "LDAPConfiguration": {
                "EnableLDAPAuthentication": True,
                "EnableSSHLogin": False,
                "LDAPServerURL": "ldaps://ldap.example.com:636",
                "LDAPUserSearchBase": "ou=people,dc=example,dc=com",
            }
        },
    },
}
"""EMR's security configurations by name, in the form of reference 1.5 and 1.6."""
