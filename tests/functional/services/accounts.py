"""Users, roles and computes of the emulated accounts, made by a test for itself."""

from __future__ import annotations

import json
from typing import Any

from jupyter_emr_connect.aws.session import AWSSession, open_session
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.http.auth import HTTPRequest
from jupyter_emr_connect.models import Compute, RuntimeRole
from jupyter_emr_connect.sandbox.aws.identity import iam_backend
from jupyter_emr_connect.sandbox.world.eks import EndpointSpec, VirtualClusterSpec
from jupyter_emr_connect.sandbox.world.serverless import standard_applications
from jupyter_emr_connect.sandbox.world.world import ACCOUNT, OTHER_ACCOUNT, REGION
from jupyter_emr_connect.services.roles import RoleList, list_roles

ROLES = f"arn:aws:iam::{ACCOUNT}:role"
PARTNER = f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRPartner"
INSTANCE_PROFILE = "EMRSandboxInstanceProfile"
REQUEST = HTTPRequest("GET", "https://gateway.test/api")
ASSUME = ["sts:AssumeRole", "sts:TagSession"]

Statement = dict[str, Any]


def document(*statements: Statement) -> str:
    """Return a policy document as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **condition: Any) -> Statement:
    """Return a statement."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def make_user(cloud: Any, name: str, *statements: Statement) -> AWSSession:
    """Make a user of the first account with exactly these permissions and an AWS profile; return its session."""
    iam = iam_backend(ACCOUNT)
    iam.create_user(REGION, name)
    give(name, *statements)
    key = iam.create_access_key(name)
    with (cloud.folder / "config").open("a") as file:
        file.write(f"[profile {name}]\nregion = {REGION}\naws_access_key_id = {key.access_key_id}\n")
        file.write(f"aws_secret_access_key = {key.secret_access_key}\n")
    return open_session(name, REGION)


def give(user: str, *statements: Statement) -> None:
    """Put these permissions in place of those that a user had from here."""
    iam = iam_backend(ACCOUNT)
    if statements:
        iam.put_user_policy(user, "own", document(*statements))
    else:
        iam.users[user].policies.pop("own", None)


def trusting(principal: dict[str, Any] | str, action: str | list[str] = ASSUME, **condition: Any) -> Statement:
    """Return a statement of a trust policy."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action}
    return {**statement, "Condition": condition} if condition else statement


def make_role(name: str, *trust: Statement, path: str = "/", account: str = ACCOUNT, permissions: str = "") -> str:
    """Make a role and return its ARN."""
    role = iam_backend(account).create_role(name, document(*trust), path, None, "", [], "3600")
    if permissions:
        role.put_policy("inline", permissions)
    return str(role.arn)


def add_trust(name: str, statement: Statement) -> None:
    """Add a statement to a role's trust policy."""
    role = next(role for role in iam_backend(ACCOUNT).roles.values() if role.name == name)
    now = json.loads(role.assume_role_policy_document)["Statement"]
    role.assume_role_policy_document = document(*now, statement)


def cluster(cloud: Any, name: str = "analytics") -> Compute:
    """Return a cluster as the catalogue describes it."""
    spec = cloud.world.clusters[cloud.id(name)]
    return Compute(
        id=spec.id,
        kind="ec2",
        name=spec.name,
        arn=spec.arn,
        region=spec.region,
        account=spec.account,
        state=spec.state,
        tags=spec.tags,
        runtime_role="required",
        details={"network": {"instance_profile": INSTANCE_PROFILE}},
    )


def endpoint(cloud: Any) -> Compute:
    """Add a virtual cluster with an endpoint to the world; return the endpoint."""
    owner = VirtualClusterSpec("team000000000000000000000", "team", ACCOUNT, REGION)
    spec = EndpointSpec("notebooks0000000000000000", "notebooks", owner, "127.0.45.9", f"{ROLES}/EMRAnalyst")
    cloud.world.virtual_clusters[owner.id] = owner
    cloud.world.endpoints[spec.id] = spec
    return Compute(
        id=spec.compute_id,
        kind="eks",
        name=spec.name,
        arn=spec.arn,
        region=REGION,
        account=ACCOUNT,
        state=spec.state,
        runtime_role="optional",
        details={"execution_role": spec.execution_role},
    )


def application(cloud: Any) -> Compute:
    """Add a Serverless application to the world and return it."""
    spec = standard_applications(ACCOUNT, REGION)[0]
    cloud.world.applications[spec.id] = spec
    return Compute(
        id=spec.id,
        kind="serverless",
        name=spec.name,
        arn=spec.arn,
        region=REGION,
        account=ACCOUNT,
        state=spec.state,
        tags=spec.tags,
        runtime_role="required",
    )


# What lets a user ask IAM about roles.
ASK = [
    allow("iam:SimulatePrincipalPolicy", f"arn:aws:iam::{ACCOUNT}:user/*"),
    allow(["iam:GetRole", "iam:GetInstanceProfile"]),
]


def offered(session: AWSSession, compute: Compute, *arns: str, **settings: Any) -> RoleList:
    """Return the roles on offer where the administrator has configured these."""
    config = EMRConnect(runtime_roles=list(arns), **settings)
    return list_roles(config, compute, session=session)


def one(session: AWSSession, compute: Compute, arn: str, **settings: Any) -> RuntimeRole:
    """Return one role of those on offer."""
    return next(role for role in offered(session, compute, arn, **settings).items if role.arn == arn)
