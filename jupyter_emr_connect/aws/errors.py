"""The one table from what botocore raises to our errors.

Called by :mod:`.session` for every AWS call; no other module looks at botocore's exceptions, save by `error_code`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from botocore import exceptions as boto

from ..errors import (
    AccessDenied,
    AWSError,
    AWSUnavailable,
    ConfigurationError,
    CredentialsExpired,
    EMRConnectError,
    InvalidCredentials,
    NoCredentials,
    NoRegion,
    Throttled,
)

# Common error codes of AWS's protocols; the names differ between services for the same thing.
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "UnauthorizedException"}
REJECTED = {
    "AuthFailure",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
SKEWED = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}
THROTTLED = {
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
}
# "Signature expired: 20261123T… is now earlier than …", "Signature not yet current: …" (AWS's signature check).
SKEW_WORDS = re.compile(r"signature (expired|not yet current)|time too skewed", re.IGNORECASE)
WHO = re.compile(r"\bUser:? (arn:\S+)")
ROLE = re.compile(r"on resource: (arn:\S+:role/[^\s.]+)")
ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)")
IAM_PREFIX = {"emr": "elasticmapreduce"}
# "Required permissions for Amazon S3 API operations" (S3 user guide): operations whose action has another name.
S3_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjectsV2": "ListBucket",
    "UploadPart": "PutObject",
}
# `aws login`, which botocore knows since 1.41 only.
LOGIN_ERRORS: tuple[type[Exception], ...] = tuple(filter(None, [getattr(boto, "LoginError", None)]))


@dataclass(frozen=True)
class AWSCall:
    """An AWS call as the user should read of it; ``profile`` is a label, such as ``profile 'analyst'``."""

    service: str
    operation: str
    profile: str
    region: str
    endpoint: str = ""
    login: str = "aws sso login"

    @property
    def action(self) -> str:
        """The IAM action that AWS checks for this call."""
        name = S3_ACTIONS.get(self.operation, self.operation) if self.service == "s3" else self.operation
        return f"{IAM_PREFIX.get(self.service, self.service)}:{name}"


def why_unknown(error: AWSError) -> str:
    """Return the line that a detail view has in place of what could not be asked for, or raise the error.

    That AWS denies one action, throttles or does not answer hides nothing else; what is wrong with the caller's own
    credentials concerns all, and is raised.
    """
    if isinstance(error, AccessDenied):
        return f"not known: {error.iam_action} is denied"
    if isinstance(error, CredentialsExpired | InvalidCredentials):
        raise error
    return f"not known: {error.message.rstrip('.')}"


def error_code(error: BaseException | None) -> str:
    """Return AWS's error code of an error or of its cause, else an empty string."""
    for one in (error, getattr(error, "__cause__", None)):
        if isinstance(one, boto.ClientError):
            return str(one.response.get("Error", {}).get("Code", ""))
    return ""


def translate(error: Exception, call: AWSCall) -> EMRConnectError:
    """Return our error for what botocore raised during ``call``; the caller raises it ``from`` the original."""
    if isinstance(error, boto.ClientError):
        return _from_answer(error, call)
    return _from_library(error, call)


def _from_answer(error: boto.ClientError, call: AWSCall) -> EMRConnectError:
    body = error.response.get("Error", {})
    code, text = str(body.get("Code", "")), one_line(str(body.get("Message") or body.get("message") or ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in DENIED:
        return _denied(text, call)
    if code in EXPIRED:
        return expired(call)
    if code in SKEWED or (code in REJECTED and SKEW_WORDS.search(text)):
        message = f"AWS refused {call.action}: this machine's clock is wrong ({text})."
        return InvalidCredentials(message, fix="Set the clock (NTP), then try again.", iam_action=call.action)
    if code in REJECTED:
        message = f"AWS does not accept your credentials ({call.profile}): {text or code} ({code})."
        fix = "Check the access key and its secret: `aws sts get-caller-identity` must work with them."
        if "valid region" in text:
            fix = f"Check the region ({call.region})."
        return InvalidCredentials(message, fix=fix, iam_action=call.action)
    if code in THROTTLED or status == 429:
        message = f"AWS throttles {call.action} in {call.region}, also after several retries."
        return Throttled(message, fix="Wait a minute; the limit is the whole account's.", iam_action=call.action)
    if status >= 500:
        message = f"AWS answered {call.action} in {call.region} with its own error: {code or status} {text}".rstrip()
        return AWSUnavailable(message, fix="Try again in a minute.", iam_action=call.action)
    return AWSError(f"AWS refused {call.action}: {text or code} ({code}).", iam_action=call.action)


def _denied(text: str, call: AWSCall) -> AccessDenied:
    found, who = ACTION.search(text), WHO.search(text)
    action = found.group(1) if found else call.action
    principal = who.group(1) if who else f"The caller ({call.profile})"
    why = " by an explicit deny" if "explicit deny" in text else ""
    role = ROLE.search(text) if action == "sts:AssumeRole" else None
    on_what = f" for {role.group(1)}" if role else ""
    message = f"{principal} may not call {action}{on_what} (AWS denied it{why})."
    fix = f"Ask your administrator to allow {action} for it."
    if why:
        fix = f"Ask your administrator which policy denies {action} to it."
    return AccessDenied(message, fix=fix, iam_action=action)


def expired(call: AWSCall) -> CredentialsExpired:
    """Return the error for credentials of the caller that are past their time."""
    message = f"Your AWS credentials have expired ({call.profile})."
    return CredentialsExpired(message, fix=f"Log in again (`{call.login}`) or renew them.", iam_action=call.action)


def _from_library(error: Exception, call: AWSCall) -> EMRConnectError:
    text = one_line(str(error))
    if login := _login_problem(error, call):
        return login
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return no_credentials(f"No AWS credentials ({call.profile}): {text}")
    if isinstance(error, boto.ProfileNotFound):
        return no_credentials(text)
    if isinstance(error, boto.NoRegionError):
        return no_region()
    if isinstance(error, boto.InvalidRegionError):
        return ConfigurationError(f"{call.region!r} is not an AWS region.", fix="Name one such as us-east-1.")
    if isinstance(error, boto.SSLError):
        message = f"The certificate of {call.endpoint or 'the AWS endpoint'} is not trusted: {text}"
        return AWSUnavailable(message, fix="Name your company's CA bundle in AWS_CA_BUNDLE.", iam_action=call.action)
    if isinstance(error, boto.ConnectionError | boto.HTTPClientError):
        return _unreachable(text, call)
    return ConfigurationError(f"AWS settings cannot be used: {text}", fix="Check ~/.aws/config and AWS_* variables.")


def _login_problem(error: Exception, call: AWSCall) -> EMRConnectError | None:
    """Return the error for a login that is over, wants a code or lacks a package; None for any other."""
    if isinstance(error, boto.RefreshWithMFAUnsupportedError):  # botocore asks for a code once in a caller's life
        message = f"Your AWS login needs a new code of its MFA device ({call.profile})."
        login = call.login.replace("aws sso login", "aws sts get-caller-identity")
        return CredentialsExpired(message, fix=f"Run `{login}` in a terminal, then try again.", iam_action=call.action)
    if isinstance(error, boto.SSOError | boto.TokenRetrievalError | boto.NoAuthTokenError):
        return expired(call)
    if isinstance(error, LOGIN_ERRORS):
        return expired(replace(call, login=call.login.replace("aws sso login", "aws login")))
    if isinstance(error, boto.MissingDependencyException):  # `aws login` signs with keys of its own
        message = f"The credentials ({call.profile}) need a package that is not installed here: awscrt."
        return ConfigurationError(message, fix="Run `pip install 'botocore[crt]'` here, then start Jupyter again.")
    return None


def _unreachable(text: str, call: AWSCall) -> AWSUnavailable:
    message = f"No answer from {call.endpoint or call.service} for {call.action}: {text}"
    fix = f"Check the network, the proxy and the region ({call.region})."
    if "//127." in call.endpoint or "//localhost" in call.endpoint:
        fix = "Start the sandbox (`jupyter emr sandbox up`), or unset AWS_ENDPOINT_URL to use AWS itself."
    return AWSUnavailable(message, fix=fix, iam_action=call.action)


def no_credentials(message: str) -> NoCredentials:
    """Return the error for a chain that ends without credentials."""
    fix = "Run `aws configure` or `aws sso login`, or choose a profile with --profile or AWS_PROFILE."
    return NoCredentials(f"{message.rstrip('.')}.", fix=fix)


def no_region() -> NoRegion:
    """Return the error for a chain that names no region."""
    fix = "Set one with --region, AWS_DEFAULT_REGION, or region in the profile."
    return NoRegion("No AWS region is set.", fix=fix)


def one_line(text: str) -> str:
    """Return ``text`` on one line of at most 400 characters, fit for a message."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 400 else f"{flat[:397]}..."
