"""The runtime roles to offer a user, in order: configured, used before, the endpoint's own, found in IAM."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...aws.session import AWSSession
from ...config import EMRConnect
from ...errors import AccessDenied, ConfigurationError, EMRConnectError
from ...models import ROLE_ARN, Compute, RuntimeRole, check_role_arn
from ..attachments.resolution import open_attachments
from .inquiry import LIST, IamUnavailable, Inquiry
from .rules import Rule, read_rules

CONFIGURED, USED, ENDPOINT, FOUND, TYPED = ("configuration", "used before", "endpoint's execution role", "IAM", "typed")


@dataclass(frozen=True)
class RoleList:
    """Roles in the order to offer them, those known to fail last, and what kept others out.

    ``unasked`` are the IAM actions whose denial left something unknown; that is no error.
    """

    items: list[RuntimeRole] = field(default_factory=list)
    errors: list[EMRConnectError] = field(default_factory=list)
    unasked: tuple[str, ...] = ()


def list_roles(config: EMRConnect, compute: Compute | None = None, *, session: AWSSession | None = None) -> RoleList:
    """Return the roles to offer for a compute, each with its ``source`` and whether the caller can use it.

    ``session`` is the one the compute was found with; without it (or without a compute) AWS is not asked at all, and
    nothing is known of the roles' use. Blocks; makes at most ``config.most_role_checks`` calls to IAM. For a compute
    that takes no runtime roles the list is empty. Raises nothing of ours: failures stand in ``errors``.
    """
    if compute is not None and compute.runtime_role == "unsupported":
        return RoleList()
    inquiry = Inquiry(session, compute, config.most_role_checks) if session and compute else None
    rules, errors = read_rules(config.runtime_roles)
    offered: dict[str, RuntimeRole] = {}
    for rule in rules:
        if rule.fits(compute):
            try:
                _add(offered, _expand(rule, inquiry), CONFIGURED)
            except EMRConnectError as error:
                errors.append(error)
    try:
        _add(offered, open_attachments(config).roles_used(compute.id if compute else None), USED)
    except EMRConnectError as error:
        errors.append(error)
    if compute is not None:
        _add(offered, _own(compute), ENDPOINT)
    if inquiry is None:
        return RoleList(list(offered.values()), errors)
    if config.discover_roles:
        _add(offered, _discover(inquiry), FOUND)
    checked = [inquiry.check(role, list(offered)) for role in offered.values()]
    checked.sort(key=lambda role: role.usable is False)
    return RoleList(checked, errors + inquiry.errors, tuple(inquiry.unasked))


def check_role(config: EMRConnect, compute: Compute, arn: str, *, session: AWSSession) -> RoleList:
    """Return what is known of one role's use on a compute, whether it is offered or not; raises ``MalformedRole``."""
    inquiry = Inquiry(session, compute, config.most_role_checks)
    role = inquiry.check(RuntimeRole(check_role_arn(arn), TYPED), [arn])
    return RoleList([role], inquiry.errors, tuple(inquiry.unasked))


def _add(offered: dict[str, RuntimeRole], arns: list[str], source: str) -> None:
    for arn in arns:
        offered.setdefault(arn, RuntimeRole(arn, source))


def _own(compute: Compute) -> list[str]:
    """Return the execution role that a managed endpoint was made with."""
    arn = str(compute.details.get("execution_role") or "")
    return [arn] if compute.kind == "eks" and ROLE_ARN.fullmatch(arn) else []


def _expand(rule: Rule, inquiry: Inquiry | None) -> list[str]:
    """Return the roles that a rule stands for; raises when a pattern's roles cannot be listed."""
    if not rule.is_pattern:
        return [rule.arn]
    kept_out = f"The pattern {rule.arn!r} of EMRConnect.runtime_roles is left out"
    if inquiry is None:
        message = f"{kept_out}: it is looked up for a compute."
        raise ConfigurationError(message, fix="Name a compute.")
    try:
        account = inquiry.identity.account
        if rule.account not in (None, account):
            message = f"{kept_out}: roles of account {rule.account} cannot be listed from account {account}."
            raise ConfigurationError(message, fix="Write the ARN of each role.")
        return sorted(filter(rule.matches, inquiry.roles()))
    except IamUnavailable as reason:
        denied = inquiry.denials.get(LIST)
        if denied is None:
            why = inquiry.errors[-1].message if inquiry.errors else "EMRConnect.most_role_checks is spent."
            message = f"{kept_out}: {why}"
            raise ConfigurationError(message, fix="Write the ARN of each role.") from reason
        message, fix = f"{kept_out}: {denied.message}", f"{denied.fix} Or write the ARN of each role."
        raise AccessDenied(message, fix=fix, iam_action=LIST) from reason


def _discover(inquiry: Inquiry) -> list[str]:
    """Return the account's roles whose trust policy certainly admits the compute; none where IAM does not tell."""
    found = []
    try:
        for arn in sorted(inquiry.roles()):
            if "/aws-service-role/" not in arn and inquiry.trust(arn).ok:
                found.append(arn)
    except IamUnavailable:
        pass
    return found
