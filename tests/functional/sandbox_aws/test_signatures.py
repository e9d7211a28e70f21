"""Signatures are checked for real, and each refusal is AWS's own in the protocol of the service."""

from __future__ import annotations

import re
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

CALLS = {"emr": "list_clusters", "sts": "get_caller_identity", "iam": "list_users", "s3": "list_buckets"}
WRONG_SECRET = {
    "emr": ("InvalidSignatureException", 400),
    "sts": ("SignatureDoesNotMatch", 403),
    "iam": ("SignatureDoesNotMatch", 403),
    "s3": ("SignatureDoesNotMatch", 403),
}
UNKNOWN_KEY = {
    "emr": ("UnrecognizedClientException", 400),
    "sts": ("InvalidClientTokenId", 403),
    "iam": ("InvalidClientTokenId", 403),
    "s3": ("InvalidAccessKeyId", 403),
}
SKEWED = {
    "emr": ("InvalidSignatureException", 400),
    "sts": ("SignatureDoesNotMatch", 403),
    "iam": ("SignatureDoesNotMatch", 403),
    "s3": ("RequestTimeTooSkewed", 403),
}
EXPIRED = {
    "emr": ("ExpiredTokenException", 400),
    "sts": ("ExpiredToken", 403),
    "iam": ("ExpiredToken", 403),
    "s3": ("ExpiredToken", 400),
}
WRONG_TOKEN = {
    "emr": ("UnrecognizedClientException", 400),
    "sts": ("InvalidClientTokenId", 403),
    "iam": ("InvalidClientTokenId", 403),
    "s3": ("InvalidToken", 400),
}


def session(front):
    """Return session credentials of the administrator, good for 900 s, as boto3 takes them."""
    found = front.client("sts", "administrator").get_session_token(DurationSeconds=900)["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


@pytest.mark.parametrize("service", CALLS)
def test_the_right_signature_is_accepted(front, service):
    getattr(front.client(service, "administrator"), CALLS[service])()


@pytest.mark.parametrize("service", CALLS)
def test_a_wrong_secret_is_refused(front, refused, service):
    client = front.client(service, aws_secret_access_key="wrong")
    code, message, status = refused(getattr(client, CALLS[service]))
    assert (code, status) == WRONG_SECRET[service]
    assert "signature we calculated does not match" in message


@pytest.mark.parametrize("service", CALLS)
def test_an_unknown_key_is_refused(front, refused, service):
    client = front.client(service, aws_access_key_id="AKIAIOSFODNN7NOTHERE")
    code, _, status = refused(getattr(client, CALLS[service]))
    assert (code, status) == UNKNOWN_KEY[service]


@pytest.mark.parametrize("seconds", [310, -310])
@pytest.mark.parametrize("service", ["emr", "sts", "iam"])
def test_a_clock_5_minutes_off_is_refused(front, refused, service, seconds):
    front.clock.forward(seconds)
    code, message, status = refused(getattr(front.client(service, "administrator"), CALLS[service]))
    assert (code, status) == SKEWED[service]
    assert message.startswith("Signature expired: " if seconds > 0 else "Signature not yet current: ")
    assert "5 min.)" in message


@pytest.mark.parametrize(("seconds", "accepted"), [(290, True), (-290, True), (890, False)])
def test_a_clock_less_than_5_minutes_off_is_accepted(front, refused, seconds, accepted):
    front.clock.forward(seconds)
    client = front.client("emr")
    if accepted:
        client.list_clusters()
    else:
        assert refused(client.list_clusters)[0] == "InvalidSignatureException"


def test_s3_allows_15_minutes(front, refused):
    client = front.client("s3", "administrator")
    front.clock.forward(890)
    client.list_buckets()
    front.clock.forward(20)
    code, message, status = refused(client.list_buckets)
    assert (code, status) == SKEWED["s3"]
    assert "request time and the current time is too large" in message


@pytest.mark.parametrize("service", CALLS)
def test_session_credentials_work_until_they_expire(front, refused, service):
    client = front.client(service, **session(front))
    getattr(client, CALLS[service])()
    for key in list(front.app.context.keys._sessions):
        held = front.app.context.keys._sessions[key]
        front.app.context.keys._sessions[key] = type(held)(
            held.id, held.secret, held.principal, held.token, front.clock.now
        )
    code, _, status = refused(getattr(client, CALLS[service]))
    assert (code, status) == EXPIRED[service]


@pytest.mark.parametrize("token", ["", "another"])
@pytest.mark.parametrize("service", CALLS)
def test_a_session_key_needs_its_token(front, refused, service, token):
    client = front.client(service, **{**session(front), "aws_session_token": token})
    code, _, status = refused(getattr(client, CALLS[service]))
    assert (code, status) == WRONG_TOKEN[service]


def test_a_users_key_takes_no_token(front, refused):
    assert refused(front.client("emr", aws_session_token="x").list_clusters)[0] == "UnrecognizedClientException"


def test_an_inactive_key_is_refused(front, refused):
    key = front.profiles["developer"].access_key
    front.client("iam", "administrator").update_access_key(UserName="developer", AccessKeyId=key, Status="Inactive")
    assert refused(front.client("sts").get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_changed_body_is_refused(front):
    answer = front.send_signed(b"{}", X_Amz_Target="ElasticMapReduce.ListClusters")
    assert answer.status == 200
    own = front.profiles["developer"]
    request = AWSRequest("POST", front.url + "/", headers={"X-Amz-Target": "ElasticMapReduce.ListClusters"}, data=b"{}")
    SigV4Auth(Credentials(own.access_key, own.secret), "elasticmapreduce", "us-east-1").add_auth(request)
    headers = {k.replace("-", "_"): v for k, v in request.prepare().headers.items() if k != "Content-Length"}
    changed = front.send("POST", "/", b'{"Marker": "x"}', **headers)
    assert (changed.status, changed.code) == (400, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "MissingAuthenticationTokenException"),
        ("Basic YTpi", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=x", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=1", "IncompleteSignatureException"),
        (
            "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/elasticmapreduce/aws4_request, "
            "SignedHeaders=x-amz-date, Signature=1",
            "IncompleteSignatureException",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=A/20260101/nowhere/elasticmapreduce/aws4_request, "
            "SignedHeaders=host, Signature=1",
            "IncompleteSignatureException",
        ),
    ],
)
def test_a_missing_or_malformed_signature_says_so(front, header, code):
    headers = {"Authorization": header} if header else {}
    answer = front.send(body=b"{}", X_Amz_Target="ElasticMapReduce.ListClusters", **headers)
    assert (answer.status, answer.code) == (400, code)


def presigned(front, expires, **params):
    return front.client("s3").generate_presigned_url("get_object", Params=params, ExpiresIn=expires)


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_presigned_urls_work_until_they_expire(front):
    key = "a folder/ü + x.ipynb"
    front.client("s3").put_object(Bucket="emr-sandbox-notebooks", Key=key, Body=b"{}")
    url = presigned(front, 600, Bucket="emr-sandbox-notebooks", Key=key)
    assert fetch(url) == (200, b"{}")
    status, body = fetch(url.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"))
    assert status == 403
    assert b"SignatureDoesNotMatch" in body
    front.clock.forward(590)
    assert fetch(url)[0] == 200
    front.clock.forward(20)
    status, body = fetch(url)
    assert status == 403
    assert b"Request has expired" in body


def test_a_presigned_caller_identity_names_the_caller(front):
    own = front.profiles["analyst"]
    request = AWSRequest("GET", f"{front.url}/?Action=GetCallerIdentity&Version=2011-06-15")
    SigV4QueryAuth(Credentials(own.access_key, own.secret), "sts", "us-east-1", expires=60).add_auth(request)
    status, body = fetch(request.url)
    assert status == 200
    assert b"user/analyst" in body


def test_signature_version_2_is_not_taken(front):
    own = front.profiles["developer"]
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=front.url,
        aws_access_key_id=own.access_key,
        aws_secret_access_key=own.secret,
        config=Config(signature_version="s3"),
    )
    url = client.generate_presigned_url("get_object", Params={"Bucket": "emr-sandbox-notebooks", "Key": "k"})
    status, body = fetch(url)
    assert status == 400
    assert re.search(rb"<Code>InvalidRequest</Code><Message>[^<]* Please use AWS4-HMAC-SHA256", body)
    answer = front.send("GET", "/emr-sandbox-notebooks/k", Authorization=f"AWS {own.access_key}:c2lnbmF0dXJl")
    assert (answer.status, b"<Code>InvalidRequest</Code>" in answer.body) == (400, True)


def test_a_malformed_credential_is_refused_in_the_protocol_of_its_service(front):
    scope = "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{}/aws4_request"
    answer = front.send("GET", "/virtualclusters", Authorization=scope.format("emr-containers"))
    assert answer.headers["x-amzn-errortype"] == "IncompleteSignatureException"
    answer = front.send("GET", "/", Authorization=scope.format("s3"))
    assert b"<Code>AuthorizationHeaderMalformed</Code>" in answer.body
