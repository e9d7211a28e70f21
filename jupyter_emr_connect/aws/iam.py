"""IAM: roles with their trust policies, instance profiles, and the simulation of a principal's policies.

Field names and meanings: botocore's model of ``iam``, 2010-05-08. botocore decodes policy documents into dicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ..errors import AWSError
from .errors import error_code
from .session import AWSSession

Answer = Literal["allowed", "explicitDeny", "implicitDeny"]
ANSWERS = get_args(Answer)
PAGE = 1000


@dataclass(frozen=True)
class Role:
    """An IAM role; ``trust`` is its trust policy, None where AWS sent none that can be read."""

    arn: str
    trust: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The role's name without its path."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class Decision:
    """What the simulation says of one action on one resource.

    ``missing`` names condition keys that the policies ask for and that were not given; ``policies`` are the names of
    those that decided; ``bounded`` and ``governed`` mean that the permissions boundary or the organization refuses.
    """

    answer: Answer
    missing: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    bounded: bool = False
    governed: bool = False


def get_role(session: AWSSession, name: str) -> Role | None:
    """Return a role of the session's account by its name without path, or None when there is none."""
    found = _or_none(session, "GetRole", RoleName=name)
    return _role(found["Role"]) if found else None


def list_roles(session: AWSSession) -> Iterator[list[Role]]:
    """Yield all roles of the session's account with their trust policies, a page (1,000) at a time."""
    for page in session.pages("iam", "ListRoles", PaginationConfig={"PageSize": PAGE}):
        yield [_role(row) for row in page.get("Roles") or [] if row.get("Arn")]


def instance_profile_role(session: AWSSession, name: str) -> str | None:
    """Return the ARN of the role in an instance profile, or None when there is no such profile or it is empty."""
    found = _or_none(session, "GetInstanceProfile", InstanceProfileName=name)
    roles = (found or {}).get("InstanceProfile", {}).get("Roles") or []
    return str(roles[0]["Arn"]) if roles else None


def simulate(
    session: AWSSession, principal: str, action: str, resources: Sequence[str], context: Mapping[str, str]
) -> dict[str, Decision] | None:
    """Return what the policies of a user or role (its ARN) say of an action on each resource, by the resource's ARN.

    ``context`` gives the condition keys. Nothing is called and no resource needs to exist. None when AWS knows no such
    principal. The keys that a request has by itself (region, TLS) must be given too (reference 9.1).
    """
    answer = _or_none(
        session,
        "SimulatePrincipalPolicy",
        PolicySourceArn=principal,
        ActionNames=[action],
        ResourceArns=list(resources),
        ContextEntries=[
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in context.items()
        ],
    )
    return None if answer is None else decisions(answer.get("EvaluationResults") or [], resources)


def decisions(results: Sequence[Mapping[str, Any]], resources: Sequence[str]) -> dict[str, Decision]:
    """Return the decision for each resource out of the results for one action.

    A result's own decision counts for resources that it does not list one by one; its name is only a template.
    """
    found: dict[str, Decision] = {}
    for result in results:
        governed = (result.get("OrganizationsDecisionDetail") or {}).get("AllowedByOrganizations") is False
        if result.get("EvalDecision") in ANSWERS:
            found.update(dict.fromkeys(resources, _decision(result, result["EvalDecision"], governed=governed)))
        for one in result.get("ResourceSpecificResults") or []:
            if one.get("EvalResourceDecision") in ANSWERS:
                found[one["EvalResourceName"]] = _decision(one, one["EvalResourceDecision"], governed=governed)
    return found


def _decision(row: Mapping[str, Any], answer: Answer, *, governed: bool) -> Decision:
    boundary = row.get("PermissionsBoundaryDecisionDetail") or {}
    names = (one.get("SourcePolicyId") for one in row.get("MatchedStatements") or [])
    return Decision(
        answer,
        tuple(row.get("MissingContextValues") or ()),
        tuple(dict.fromkeys(name for name in names if name)),
        boundary.get("AllowedByPermissionsBoundary") is False,
        governed,
    )


def _or_none(session: AWSSession, operation: str, **parameters: Any) -> dict[str, Any] | None:
    try:
        return session.call("iam", operation, **parameters)
    except AWSError as error:
        if error_code(error) in ("NoSuchEntity", "NoSuchEntityException"):
            return None
        raise


def _role(row: Mapping[str, Any]) -> Role:
    trust = row.get("AssumeRolePolicyDocument")
    return Role(str(row["Arn"]), trust if isinstance(trust, dict) else None)
