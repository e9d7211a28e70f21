"""The runtime roles to offer a user, in order: configured, used before, the endpoint's own, found in IAM."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...aws.session import AWSSession
from ...config import EMRConnect
from ...errors import AccessDenied, AmbiguousRole, ConfigurationError, EMRConnectError, RoleNotFound
from ...models import ROLE_ARN, Compute, RuntimeRole, check_role, check_role_arn
from ...store.attachments import AttachmentStore
from ...store.database import Database
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
        return replace(judge_role(config, found, role, session=session), compute=found)
    listed = list_roles(config, found, session=session)
    same = [offered for offered in listed.items if offered.name == role]
    return replace(listed, items=same, compute=found)


def single_role(listed: RoleList, text: str) -> RuntimeRole:
    """Return the one role that :func:`named_roles` has found for ``text``.

    Raises ``RoleNotFound``, ``AmbiguousRole``.
    """
    arn = _only([role.arn for role in listed.items], text, _label(listed.compute))
    return next(role for role in listed.items if role.arn == arn)


def role_arn(config: EMRConnect, compute: Compute, text: str, *, session: AWSSession) -> str:
    """Return the ARN of a runtime role that a user gave by its ARN or name, for a compute; blocks on AWS for a name.

    A name stands for the one role that is configured for the compute, was used on it or is the endpoint's own; where
    there is none of that name, for the role of the compute's account, where a name is unique. Its path is asked of IAM;
    where IAM may not be asked it is taken to have none. ``session`` is the one the compute was found with. Raises
    ``MalformedRole``, ``RoleNotFound``, ``AmbiguousRole``.
    """
    if ROLE_ARN.fullmatch(check_role(text)):
        return text
    inquiry = Inquiry(session, compute, config.most_role_checks)
    for asked in (None, inquiry):  # patterns of the configuration are looked up in IAM, what is used and listed is not
        known = list(_known_roles(config, compute, asked)[0])
        same = [arn for arn in known if arn.rsplit("/", 1)[-1] == text]
        if same:
            return _only(same, text, _label(compute))
    try:
        found = inquiry.find(text)
    except IamUnavailable:
        return f"arn:{compute.arn.split(':')[1]}:iam::{compute.account}:role/{text}"
    names = {arn.rsplit("/", 1)[-1] for arn in known}
    return _only([found] if found else [], text, _label(compute), difflib.get_close_matches(text, sorted(names), 1))


def _label(compute: Compute | None) -> str:
    return f"{compute.name!r} ({compute.id})" if compute else "a compute"


def _only(arns: Sequence[str], name: str, label: str, near: Sequence[str] = ()) -> str:
    """Return the only one of the roles of a name; raises ``RoleNotFound`` for none, ``AmbiguousRole`` for several."""
    if len(arns) == 1:
        return arns[0]
    if arns:
        message = f"{len(arns)} roles are named {name!r}: {', '.join(arns)}."
        raise AmbiguousRole(message, fix="Use the ARN.")
    message = f"No role named {name!r} is known for {label}."
    fix = "Use the ARN of the role, or a name that `jupyter emr roles COMPUTE` lists."
    raise RoleNotFound(message, fix=f"Did you mean {near[0]!r}? {fix}" if near else fix)


def list_roles(config: EMRConnect, compute: Compute | None = None, *, session: AWSSession | None = None) -> RoleList:
    """Return the roles to offer for a compute, each with its ``source`` and whether the caller can use it.

    ``session`` is the one the compute was found with; without it (or without a compute) AWS is not asked at all, and
    nothing is known of the roles' use. Blocks; makes at most ``config.most_role_checks`` calls to IAM. For a compute
    that takes no runtime roles the list is empty. Raises nothing of ours: failures stand in ``errors``.
    """
    if compute is not None and compute.runtime_role == "unsupported":
        return RoleList()
    inquiry = Inquiry(session, compute, config.most_role_checks) if session and compute else None
    offered, errors = _known_roles(config, compute, inquiry)
    if inquiry is None:
        return RoleList(list(offered.values()), errors)
    if config.discover_roles:
        _add(offered, _discover(inquiry), FOUND)
    checked = [inquiry.check(role, list(offered)) for role in offered.values()]
    checked.sort(key=lambda role: role.usable is False)
    return RoleList(checked, errors + inquiry.errors, tuple(inquiry.unasked))


def _known_roles(
    config: EMRConnect, compute: Compute | None, inquiry: Inquiry | None
) -> tuple[dict[str, RuntimeRole], list[EMRConnectError]]:
    """Return the roles that are configured, were used before or are the endpoint's own, and what kept others out."""
    rules, errors = read_rules(config.runtime_roles)
    offered: dict[str, RuntimeRole] = {}
    for rule in rules:
        if rule.fits(compute):
            try:
                _add(offered, _expand(rule, inquiry), CONFIGURED)
            except EMRConnectError as error:
                errors.append(error)
    try:
        store = AttachmentStore(Database(config.state_file))
        _add(offered, store.roles_used(compute.id if compute else None), USED)
    except EMRConnectError as error:
        errors.append(error)
    if compute is not None:
        _add(offered, _own(compute), ENDPOINT)
    return offered, errors


def judge_role(config: EMRConnect, compute: Compute, arn: str, *, session: AWSSession) -> RoleList:
    """Return what is known of one role's use on a compute, whether it is offered or not; raises ``MalformedRole``."""
    inquiry = Inquiry(session, compute, config.most_role_checks)
    role = inquiry.check(RuntimeRole(check_role_arn(arn), TYPED), [arn])
    return RoleList([role], inquiry.errors, tuple(inquiry.unasked))


def objection(config: EMRConnect, compute: Compute, arn: str | None) -> str:
    """Return why the caller may not use a role that only the start of a session would show, empty for none known.

    Called after an attachment, by ``jupyter emr attach`` and ``%emr attach``: EMR Serverless is not given the role
    before. It refuses nothing, for IAM's simulation does not know all conditions of a policy. Blocks on AWS; never
    raises.
    """
    if arn is None or compute.kind != "serverless":
        return ""
    try:
        (role,) = judge_role(config, compute, arn, session=session_of(config, compute)).items
    except EMRConnectError:
        return ""
    return str(role.missing or "") if role.usable is False else ""


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
