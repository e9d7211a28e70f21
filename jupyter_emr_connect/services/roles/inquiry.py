"""Asking IAM about runtime roles on one compute: within a budget of calls, and never again what was denied.

Blocks. That IAM does not let us ask is no failure: what cannot be asked stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from ...aws import iam
from ...aws.session import AWSSession
from ...aws.sts import Identity, get_identity
from ...errors import AccessDenied, EMRConnectError
from ...models import Compute, RuntimeRole
from .answer_cache import ANSWERS
from .requirements import FINE, UNKNOWN, Finding, Permission, judge_permission, judge_trust, permissions

Answer = TypeVar("Answer")
# Resources that one simulation is asked about at most.
BATCH = 50
LIST, SIMULATE, GET = "iam:ListRoles", "iam:SimulatePrincipalPolicy", "iam:GetRole"
PROFILE = "iam:GetInstanceProfile"


class IamUnavailable(Exception):
    """IAM does not answer a question: it denies the action, or knows no such principal."""


class BudgetSpent(IamUnavailable):
    """We do not ask any more: the budget is spent, or AWS failed otherwise than by a denial."""


class Inquiry:
    """The questions of one listing, in the account and about the caller of ``session``, by which ``compute`` was found.

    ``denials`` holds the actions that are not asked for again, ``unasked`` all that were refused, in order. ``errors``
    holds what went wrong otherwise; after such an error nothing is asked.
    """

    def __init__(self, session: AWSSession, compute: Compute, most_calls: int) -> None:
        self.session = session
        self.compute = compute
        self.errors: list[EMRConnectError] = []
        self.denials: dict[str, AccessDenied] = {}
        self.unasked: dict[str, None] = {}
        self._left = most_calls
        self._identity: Identity | None = None
        self._real_principal: str | None = None
        self._listing: tuple[dict[str, iam.Role], bool] | None = None
        self._decisions: dict[Permission, iam.Decision | None] = {}

    @property
    def identity(self) -> Identity:
        """Who asks; raises :class:`IamUnavailable` when STS does not say."""
        if self._identity is None:
            self._identity = self._call("sts:GetCallerIdentity", get_identity, self.session, weight=0)
        return self._identity

    @property
    def principal(self) -> str:
        """The ARN in IAM of the caller: of the role itself where a session of it asks."""
        return self._real_principal or self.identity.principal

    def roles(self) -> dict[str, iam.Role]:
        """Return the account's roles by ARN; raises :class:`IamUnavailable` where they cannot be listed.

        At most half of the budget goes into it, 1,000 roles a call; of a larger account the rest is left out.
        """
        if self._listing is None:
            key = (LIST, self.identity.arn)
            self._listing = ANSWERS.get(key)
            if self._listing is None:
                self._listing = self._read_roles()
                ANSWERS.put(key, self._listing)
        return self._listing[0]

    def _read_roles(self) -> tuple[dict[str, iam.Role], bool]:
        found: dict[str, iam.Role] = {}
        pages = iam.list_roles(self.session)
        for _ in range(max(1, self._left // 2)):
            page = self._call(LIST, next, pages, None)
            if page is None:
                self._left += 1  # the end was known without a call
                return found, True
            found.update((role.arn, role) for role in page)
        return found, False

    def check(self, role: RuntimeRole, offered: Sequence[str]) -> RuntimeRole:
        """Return the role with what is known of its use; ``offered`` are the ARNs that will be asked for too."""
        try:
            key = (self.identity.arn, self.compute.arn, role.arn)
        except IamUnavailable:
            return role
        finding: Finding | None = ANSWERS.get(key)
        if finding is None:
            finding, final = self._judge(role.arn, offered)
            if final:
                ANSWERS.put(key, finding)
        return replace(
            role, usable=finding.ok, missing=finding.missing, statement=finding.statement, where=finding.where
        )

    def _judge(self, arn: str, offered: Sequence[str]) -> tuple[Finding, bool]:
        """Return the first thing that is missing, and whether the answer is worth keeping."""
        known = final = True
        for permission in (*permissions(self.compute, arn), None):
            try:
                finding = self._permission(permission, offered) if permission else self.trust(arn)
            except IamUnavailable as reason:
                known, final = False, final and not isinstance(reason, BudgetSpent)
                continue
            if finding.ok is False:
                return finding, True
            known = known and finding.ok is True
        return (FINE if known else UNKNOWN), final

    def _permission(self, wanted: Permission, offered: Sequence[str]) -> Finding:
        if wanted not in self._decisions:
            others = [one for arn in offered for one in permissions(self.compute, arn)]
            alike = [one for one in others if (one.action, one.context) == (wanted.action, wanted.context)]
            batch = list(dict.fromkeys([wanted, *alike]))[:BATCH]
            answers = self._simulate(wanted, list(dict.fromkeys(one.resource for one in batch)))
            self._decisions.update((one, answers.get(one.resource)) for one in batch)
        return judge_permission(wanted, self._decisions[wanted], self.principal)

    def _simulate(self, wanted: Permission, resources: list[str]) -> dict[str, iam.Decision]:
        """Ask about one action; a session's role may have a path, which only ``GetRole`` tells."""
        if ":user/" not in self.principal and ":role/" not in self.principal:
            raise IamUnavailable  # the account's root, a federated user: AWS simulates neither
        try:
            found = self._call(SIMULATE, iam.simulate, *self._question(wanted, resources))
        except BudgetSpent:
            raise
        except IamUnavailable:
            found = None
        if found is None and self._find_real_principal():
            self.denials.pop(SIMULATE, None)
            self.unasked.pop(SIMULATE, None)
            found = self._call(SIMULATE, iam.simulate, *self._question(wanted, resources))
        if found is None:
            raise IamUnavailable
        return found

    def _question(
        self, wanted: Permission, resources: list[str]
    ) -> tuple[AWSSession, str, str, list[str], dict[str, str]]:
        request = {
            "aws:PrincipalArn": self.principal,
            "aws:PrincipalAccount": self.identity.account,
            "aws:RequestedRegion": self.compute.region,
            "aws:SecureTransport": "true",
        }
        return self.session, self.principal, wanted.action, resources, {**request, **dict(wanted.context)}

    def _find_real_principal(self) -> bool:
        """Whether the session's role turned out to have another ARN than its session's tells."""
        guess = self.identity.principal
        if self._real_principal is None and guess != self.identity.arn:
            role = self._call(GET, iam.get_role, self.session, guess.rpartition("/")[2], remember_denial=False)
            self._real_principal = role.arn if role else guess
            return self._real_principal != guess
        return False

    def trust(self, arn: str) -> Finding:
        """Return whether a role's trust policy admits the compute; of a role of another account nothing is known."""
        account = arn.split(":")[4]
        if account != self.identity.account:
            return UNKNOWN
        role = self._role(arn)
        if role is None:
            return Finding(False, f"There is no role {arn.partition(':role/')[2]} in account {account}.")
        if role.arn != arn:
            return Finding(False, f"The ARN of this role is {role.arn}.")
        if role.trust is None:
            return UNKNOWN
        instance_role = self.instance_role() if self.compute.kind == "ec2" else None
        return judge_trust(self.compute, arn, role.trust, instance_role)

    def _role(self, arn: str) -> iam.Role | None:
        roles, whole = self._listing or ({}, False)
        if arn in roles:
            return roles[arn]
        if whole and not any(name.endswith(f"/{arn.rpartition('/')[2]}") for name in roles):
            return None
        return self._call(GET, iam.get_role, self.session, arn.rpartition("/")[2], remember_denial=False)

    def find(self, name: str) -> str | None:
        """Return the ARN of the account's role of a name, None where there is none; raises :class:`IamUnavailable`."""
        try:
            role = self._call(GET, iam.get_role, self.session, name, remember_denial=False)
        except BudgetSpent:
            raise
        except IamUnavailable:
            found = next((arn for arn in self.roles() if arn.rsplit("/", 1)[-1] == name), None)
            if found is None and not (self._listing and self._listing[1]):
                raise
            return found
        return role.arn if role else None

    def instance_role(self) -> str | None:
        """Return the ARN of the role in an EC2 cluster's instance profile, None where AWS knows none."""
        name = str((self.compute.details.get("network") or {}).get("instance_profile") or "").rpartition("/")[2]
        key = (PROFILE, self.identity.account, name)
        found: str | None = ANSWERS.get(key) if name else ""
        if found is None:
            found = self._call(PROFILE, iam.instance_profile_role, self.session, name) or ""
            ANSWERS.put(key, found)
        return found or None

    def _call(
        self,
        action: str,
        function: Callable[..., Answer],
        *arguments: object,
        weight: int = 1,
        remember_denial: bool = True,
    ) -> Answer:
        """Make one call; with ``remember_denial`` a denial is the answer to all further calls of the action."""
        if action in self.denials:
            raise IamUnavailable
        if self.errors or self._left < weight:
            raise BudgetSpent
        self._left -= weight
        try:
            return function(*arguments)
        except AccessDenied as error:
            self.unasked[error.iam_action or action] = None
            if remember_denial:
                self.denials[action] = error
            raise IamUnavailable from error
        except EMRConnectError as error:
            self.errors.append(error)
            raise BudgetSpent from error
