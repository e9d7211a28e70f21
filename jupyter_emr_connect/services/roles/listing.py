"""The runtime roles to offer a user, in order: configured, used before, the endpoint's own, found in IAM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...aws.session import AWSSession
from ...config import EMRConnect
from ...errors import AccessDenied, ConfigurationError, EMRConnectError, RoleError
from ...models import ROLE_ARN, Compute, RuntimeRole, check_role_arn
from ..attachments.resolution import open_attachments
from ..bodies import error_entry, list_body
from ..compute.lookup import find
from ..compute.sources import Source
from ..credentials.aws_sessions import session_of
from .answer_cache import forget_checks
from .inquiry import LIST, IamUnavailable, Inquiry
from .rules import Rule, read_rules

CONFIGURED, USED, ENDPOINT, FOUND, TYPED = ("configuration", "used before", "endpoint's execution role", "IAM", "typed")


@dataclass(frozen=True)
class RoleList:
    """Roles in the order to offer them, those known to fail last, and what kept others out.

    ``unasked`` are the IAM actions whose denial left something unknown; that is no error. ``compute`` is the one that
    they are offered for.
    """

    items: list[RuntimeRole] = field(default_factory=list)
    errors: list[EMRConnectError] = field(default_factory=list)
    unasked: tuple[str, ...] = ()
    compute: Compute | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the body of ``GET runtime-roles`` and ``jupyter emr roles --json``."""
        kind, region = (self.compute.kind, self.compute.region) if self.compute else (None, None)
        errors = [error_entry(error, kind=kind, region=region) for error in self.errors]
        return list_body([role.to_json() for role in self.items], errors)


def offered_roles(
    config: EMRConnect, compute: str | None = None, *, sources: Sequence[Source] | None = None, refresh: bool = False
) -> RoleList:
    """Return the roles to offer for a compute by its id, ARN or name, or in general; blocks on AWS.

    The use case behind ``GET runtime-roles`` and ``jupyter emr roles``. ``refresh`` asks IAM again, whose answers are
    else kept for minutes. Raises as ``services.compute.lookup.find`` does.
    """
    if refresh:
        forget_checks()
    found = find(config, compute, sources=sources) if compute else None
    listed = list_roles(config, found, session=session_of(config, found) if found else None)
    return replace(listed, compute=found)


def named_roles(config: EMRConnect, compute: str, role: str, *, sources: Sequence[Source] | None = None) -> RoleList:
    """Return the role with an ARN, offered or not, or those offered for a compute that have a name; blocks on AWS.

    The use case behind ``jupyter emr roles COMPUTE --explain ROLE``. Raises ``MalformedRole``, and as
    ``services.compute.lookup.find`` does.
    """
    found = find(config, compute, sources=sources)
    session = session_of(config, found)
    if role.startswith("arn:"):
        return replace(check_role(config, found, role, session=session), compute=found)
    listed = list_roles(config, found, session=session)
    same = [offered for offered in listed.items if offered.name == role]
    return replace(listed, items=same, compute=found)


def single_role(listed: RoleList, text: str) -> RuntimeRole:
    """Return the one role that :func:`named_roles` has found for ``text``; raises ``RoleError``."""
    if len(listed.items) == 1:
        return listed.items[0]
    if listed.items:
        message = f"{len(listed.items)} roles are named {text!r}: {', '.join(role.arn for role in listed.items)}."
        raise RoleError(message, fix="Use the ARN.")
    label = f"{listed.compute.name!r} ({listed.compute.id})" if listed.compute else "a compute"
    message = f"No role named {text!r} is offered for {label}."
    raise RoleError(message, fix="Use the ARN of the role.")


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
