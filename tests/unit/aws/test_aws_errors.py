"""What AWS and botocore say, as our errors: the right class, the action, the cause, and what to do."""

from __future__ import annotations

import pytest
from botocore import exceptions as boto

from jupyter_emr_connect import errors
from jupyter_emr_connect.aws.errors import AWSCall, error_code, translate

CALL = AWSCall("emr", "DescribeCluster", "profile 'p'", "us-east-1", "https://elasticmapreduce.us-east-1.amazonaws.com")


def answer(code: str, message: str = "", status: int = 400) -> boto.ClientError:
    body = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return boto.ClientError(body, "DescribeCluster")


@pytest.mark.parametrize(
    ("code", "message", "status", "expected"),
    [
        ("AccessDeniedException", "", 400, errors.AccessDenied),
        ("AccessDenied", "", 403, errors.AccessDenied),
        ("UnauthorizedOperation", "", 403, errors.AccessDenied),
        ("ExpiredTokenException", "", 400, errors.CredentialsExpired),
        ("ExpiredToken", "", 403, errors.CredentialsExpired),
        ("UnrecognizedClientException", "The security token is invalid", 400, errors.InvalidCredentials),
        ("InvalidSignatureException", "does not match", 400, errors.InvalidCredentials),
        ("SignatureDoesNotMatch", "", 403, errors.InvalidCredentials),
        ("ThrottlingException", "Rate exceeded", 400, errors.Throttled),
        ("Whatever", "", 429, errors.Throttled),
        ("InternalServerException", "", 500, errors.AWSUnavailable),
        ("InternalServerError", "", 500, errors.AWSUnavailable),
        ("503", "", 503, errors.AWSUnavailable),
        ("InvalidRequestException", "Cluster id 'j-1' is not valid.", 400, errors.AWSError),
    ],
)
def test_codes(code, message, status, expected):
    ours = translate(answer(code, message, status), CALL)
    assert type(ours) is expected
    assert ours.iam_action == "elasticmapreduce:DescribeCluster"


def test_access_denied_names_principal_and_action_of_the_message():
    text = (
        "User: arn:aws:sts::1:assumed-role/Dev/me is not authorized to perform: iam:PassRole on resource: arn:x "
        "because no identity-based policy allows the iam:PassRole action"
    )
    ours = translate(answer("AccessDeniedException", text), CALL)
    assert ours.iam_action == "iam:PassRole"
    assert "arn:aws:sts::1:assumed-role/Dev/me" in ours.message
    assert "allow iam:PassRole" in ours.fix


def test_an_explicit_deny_is_told_apart():
    text = "User: arn:aws:iam::1:user/a is not authorized to perform: emr:X with an explicit deny in a policy"
    ours = translate(answer("AccessDeniedException", text), CALL)
    assert "explicit deny" in ours.message
    assert "which policy denies" in ours.fix


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("InvalidSignatureException", "Signature expired: 20261123T000000Z is now earlier than 20261123T001000Z"),
        ("InvalidSignatureException", "Signature not yet current: 20261123T000000Z is still later than …"),
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
    ],
)
def test_a_wrong_clock_is_called_that(code, text):
    ours = translate(answer(code, text), CALL)
    assert isinstance(ours, errors.InvalidCredentials)
    assert "clock" in ours.message
    assert "clock" in ours.fix


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (boto.NoCredentialsError(), errors.NoCredentials),
        (boto.PartialCredentialsError(provider="env", cred_var="x"), errors.NoCredentials),
        (boto.CredentialRetrievalError(provider="custom-process", error_msg="exit 1"), errors.NoCredentials),
        (boto.ProfileNotFound(profile="x"), errors.NoCredentials),
        (boto.NoRegionError(), errors.NoRegion),
        (boto.UnauthorizedSSOTokenError(), errors.CredentialsExpired),
        (boto.SSOTokenLoadError(error_msg="x"), errors.CredentialsExpired),
        (boto.TokenRetrievalError(provider="sso", error_msg="x"), errors.CredentialsExpired),
        (boto.EndpointConnectionError(endpoint_url="https://x"), errors.AWSUnavailable),
        (boto.ConnectTimeoutError(endpoint_url="https://x"), errors.AWSUnavailable),
        (boto.ReadTimeoutError(endpoint_url="https://x"), errors.AWSUnavailable),
        (boto.ProxyConnectionError(proxy_url="http://p", error="no"), errors.AWSUnavailable),
        (boto.SSLError(endpoint_url="https://x", error="unknown CA"), errors.AWSUnavailable),
        (boto.InvalidRegionError(region_name="us east"), errors.ConfigurationError),
        (boto.ConfigParseError(path="x"), errors.ConfigurationError),
    ],
)
def test_what_botocore_raises_itself(error, expected):
    ours = translate(error, CALL)
    assert type(ours) is expected
    assert ours.fix


def test_each_kind_of_login_names_its_command():
    assert "`aws sso login`" in translate(boto.UnauthorizedSSOTokenError(), CALL).fix
    if refresh := getattr(boto, "LoginRefreshRequired", None):  # older ones know no `aws login`
        assert "`aws login`" in translate(refresh(), CALL).fix


def test_a_certificate_of_aws_not_trusted_points_to_the_bundle():
    ours = translate(boto.SSLError(endpoint_url="https://x", error="self-signed"), CALL)
    assert "AWS_CA_BUNDLE" in ours.fix


def test_messages_stay_on_one_bounded_line():
    ours = translate(answer("X", "a\nb\n" * 1000), CALL)
    assert "\n" not in ours.message
    assert len(ours.message) < 600


def test_the_code_of_a_cause_is_found():
    ours = translate(answer("InvalidRequestException"), CALL)
    ours.__cause__ = answer("InvalidRequestException")
    assert error_code(ours) == "InvalidRequestException"
    assert error_code(ValueError()) == ""
