"""What AWS checks of a request to an EMR Serverless Livy endpoint: signature, clock, IAM, and the role that is passed.

Called by the front door of those endpoints (``frontdoor.serverless``) in a thread; blocks on nothing but locks.
"""

from __future__ import annotations

import uuid

from ..world.serverless import ApplicationSpec
from .authorize import authorize
from .emr_serverless.applications import NOT_FOUND
from .emr_serverless.permissions import PREFIX
from .failures import FailureKind, Refusal
from .faults import clock_skew
from .identity import find_role
from .incoming import Incoming
from .policies import SERVERLESS
from .policy import Verdict, trust_verdict
from .service import AWSContext, Call, Check
from .sigv4 import signature_of, verify

ACCESS = "AccessLivyEndpoints"
UNTRUSTED = "doesn't exist or isn't setup with the required trust relationship"  # clients look for these words


def admit(aws: AWSContext, incoming: Incoming, application_id: str, region: str) -> tuple[Call, ApplicationSpec]:
    """Return the call with its principal, and the application that it is for; raises ``Refusal``."""
    call = Call(aws, incoming, str(uuid.uuid4()), service=PREFIX, region=region, action=ACCESS)
    signed = signature_of(incoming)
    if signed is None:
        raise Refusal(FailureKind.MISSING_AUTH, status=403)
    if (signed.service, signed.region) != (PREFIX, region):
        message = f"Credential should be scoped to {region}/{PREFIX}, not '{signed.region}/{signed.service}'."
        raise Refusal(FailureKind.MALFORMED_AUTH, message, status=403)
    key = aws.keys.find(signed.access_key)
    verify(incoming, signed, key.secret, call.now + clock_skew(call))
    call.principal = key.principal
    aws.keys.check_session(key, signed.token)
    aws.applications.advance()
    spec = aws.world.applications.get(application_id)
    if spec is None or (spec.account, spec.region) != (call.account, region):
        raise Refusal(NOT_FOUND, f"Application {application_id} does not exist.", status=404)
    call.compute = spec.id
    context = {f"aws:ResourceTag/{name}": [value] for name, value in spec.tags.items()}
    authorize(call, Check(f"{PREFIX}:{ACCESS}", spec.arn, context))
    return call, spec


def check_role(call: Call, role_arn: str) -> None:
    """Refuse a role that the caller may not pass to EMR Serverless, or that does not trust it; raises ``Refusal``."""
    authorize(call, Check("iam:PassRole", role_arn, {"iam:PassedToService": [SERVERLESS]}))
    role = find_role(role_arn)
    trusted = role and trust_verdict(role, "sts:AssumeRole", frozenset({SERVERLESS}), {}) is Verdict.ALLOW
    if not trusted:
        message = f"The role {role_arn} {UNTRUSTED}."
        raise Refusal(FailureKind.INVALID_PARAMETER, message, status=400)


def note(call: Call, status: int, size: int) -> None:
    """Write an answered request into the sandbox's log of AWS calls."""
    call.aws.world.log.add(
        service=PREFIX,
        action=ACCESS,
        principal=call.principal.arn,
        status=status,
        size=size,
        region=call.region,
    )
