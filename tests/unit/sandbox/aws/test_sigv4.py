"""Signatures against AWS's published examples, and against botocore's signer."""

from __future__ import annotations

import calendar
import time
from dataclasses import replace

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from jupyter_emr_connect.sandbox.aws.failures import FailureKind, Refusal
from jupyter_emr_connect.sandbox.aws.incoming import Incoming
from jupyter_emr_connect.sandbox.aws.sigv4 import signature_of, verify
from jupyter_emr_connect.sandbox.aws.streams import check_stream

IAM_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
S3_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def moment(stamp):
    return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))


def header(key, scope, names, signature):
    return f"AWS4-HMAC-SHA256 Credential={key}/{scope}/aws4_request,SignedHeaders={names},Signature={signature}"


# "Create a signed AWS API request", IAM user guide.
LIST_USERS = Incoming(
    "GET",
    "/",
    "Action=ListUsers&Version=2010-05-08",
    {
        "host": "iam.amazonaws.com",
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "x-amz-date": "20150830T123600Z",
        "authorization": header(
            "AKIDEXAMPLE",
            "20150830/us-east-1/iam",
            "content-type;host;x-amz-date",
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    },
    b"",
)
# "Authenticating Requests: Using the Authorization Header", S3 API reference.
S3_DATE = "20130524T000000Z"
S3_GET = Incoming(
    "GET",
    "/test.txt",
    "",
    {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": EMPTY,
        "x-amz-date": S3_DATE,
        "authorization": header(
            "AKIAIOSFODNN7EXAMPLE",
            "20130524/us-east-1/s3",
            "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
    },
    b"",
)
S3_LIST = Incoming(
    "GET",
    "/",
    "max-keys=2&prefix=J",
    {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": EMPTY,
        "x-amz-date": S3_DATE,
        "authorization": header(
            "AKIAIOSFODNN7EXAMPLE",
            "20130524/us-east-1/s3",
            "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    },
    b"",
)
# "Authenticating Requests: Using Query Parameters", S3 API reference.
S3_URL = Incoming(
    "GET",
    "/test.txt",
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    {"host": "examplebucket.s3.amazonaws.com"},
    b"",
)


def chunk(data, signature):
    return f"{len(data):x};chunk-signature={signature}\r\n".encode() + data + b"\r\n"


# "Signature calculations: transferring payload in multiple chunks", S3 API reference.
FIRST, SECOND = b"a" * 65536, b"a" * 1024
STREAM_BODY = (
    chunk(FIRST, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648")
    + chunk(SECOND, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497")
    + chunk(b"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9")
)
S3_STREAM = Incoming(
    "PUT",
    "/examplebucket/chunkObject.txt",
    "",
    {
        "host": "s3.amazonaws.com",
        "x-amz-date": S3_DATE,
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "content-length": "66824",
        "authorization": header(
            "AKIAIOSFODNN7EXAMPLE",
            "20130524/us-east-1/s3",
            "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
            "x-amz-storage-class",
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        ),
    },
    STREAM_BODY,
)
PUBLISHED = [
    (LIST_USERS, IAM_SECRET, "20150830T123600Z"),
    (S3_GET, S3_SECRET, S3_DATE),
    (S3_LIST, S3_SECRET, S3_DATE),
    (S3_URL, S3_SECRET, S3_DATE),
    (S3_STREAM, S3_SECRET, S3_DATE),
]


@pytest.mark.parametrize(("incoming", "secret", "stamp"), PUBLISHED)
def test_published_examples_are_right(incoming, secret, stamp):
    signed = signature_of(incoming)
    assert verify(incoming, signed, secret, moment(stamp)) == signed.signature


@pytest.mark.parametrize(("incoming", "secret", "stamp"), PUBLISHED)
@pytest.mark.parametrize("change", ["secret", "method", "path", "query", "host"])
def test_any_change_is_noticed(incoming, secret, stamp, change):
    changed = {
        "secret": incoming,
        "method": replace(incoming, method="DELETE"),
        "path": replace(incoming, path=incoming.path + "x"),
        "query": replace(incoming, query=incoming.query + "&a=b"),
        "host": replace(incoming, headers={**incoming.headers, "host": "other"}),
    }[change]
    with pytest.raises(Refusal) as caught:
        verify(changed, signature_of(changed), secret + "x" if change == "secret" else secret, moment(stamp))
    assert caught.value.kind is FailureKind.BAD_SIGNATURE


def test_a_published_stream_is_right():
    signed = signature_of(S3_STREAM)
    check_stream(S3_STREAM, signed, S3_SECRET, signed.signature)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (STREAM_BODY.replace(b"a" * 1024, b"a" * 1023 + b"b"), FailureKind.BAD_SIGNATURE),
        (STREAM_BODY[:-50], FailureKind.MALFORMED_BODY),
        (STREAM_BODY[:1000], FailureKind.INCOMPLETE_BODY),
        (STREAM_BODY.replace(b"400;", b"zz;"), FailureKind.MALFORMED_BODY),
        (b"", FailureKind.MALFORMED_BODY),
        (chunk(b"", "0" * 64), FailureKind.INCOMPLETE_BODY),
    ],
)
def test_a_broken_stream_is_refused(body, kind):
    signed = signature_of(S3_STREAM)
    with pytest.raises(Refusal) as caught:
        check_stream(replace(S3_STREAM, body=body), signed, S3_SECRET, signed.signature)
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("trailer", "kind"),
    [
        (b"x-amz-checksum-crc32:DUoRhQ==\r\n", None),
        (b"x-amz-checksum-crc32:AAAAAA==\r\n", "BadDigest"),
        (b"x-amz-checksum-crc32:?\r\n", "BadDigest"),
        (b"x-amz-checksum-sha256:uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=\r\n", None),
    ],
)
def test_an_unsigned_streams_trailing_checksum_counts(trailer, kind):
    body = b"b\r\nhello world\r\n0\r\n" + trailer + b"\r\n"
    headers = {
        **S3_STREAM.headers,
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "11",
    }
    incoming = replace(S3_STREAM, body=body, headers=headers)
    signed = signature_of(incoming)
    if kind is None:
        check_stream(incoming, signed, S3_SECRET, signed.signature)
        return
    with pytest.raises(Refusal) as caught:
        check_stream(incoming, signed, S3_SECRET, signed.signature)
    assert caught.value.kind == kind


PATHS = [
    "/",
    "/a/b",
    "/a%20b/%C3%BC",
    "/a//b/",
    "/applications/00f1/sessions/%2Fx",
    "/a/./b/../c",
    "/~user/a-b_c.d",
    "/%25",
]
QUERIES = ["", "b=2&a=1", "a=", "a", "x=%20%2B%2F&x=1", "states=A&states=B", "%C3%BC=1", "a=b%3Dc"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("service", ["emr-serverless", "s3"])
def test_botocores_signatures_are_right(path, query, service):
    url = f"http://127.0.0.1:99{path}" + (f"?{query}" if query else "")
    request = AWSRequest("PUT", url, data=b"body", headers={"X-Amz-Meta-Two": "a   b", "Content-Type": "text/plain"})
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials("AKIA", "secret", "token"), service, "us-east-1").add_auth(request)
    headers = {
        name.lower(): value if isinstance(value, str) else value.decode() for name, value in request.headers.items()
    }
    incoming = Incoming("PUT", path, query, {"host": "127.0.0.1:99", **headers}, b"body")
    signed = signature_of(incoming)
    assert signed.token == "token"
    verify(incoming, signed, "secret", time.time())


def test_the_date_of_scope_and_request_must_agree():
    signed = replace(signature_of(LIST_USERS), timestamp="20150831T000000Z")
    with pytest.raises(Refusal) as caught:
        verify(LIST_USERS, signed, IAM_SECRET, moment("20150831T000000Z"))
    assert caught.value.kind is FailureKind.MALFORMED_AUTH


@pytest.mark.parametrize("stamp", ["", "yesterday", "20150830", "20150830T999999Z"])
def test_a_date_that_is_none_is_malformed(stamp):
    incoming = replace(LIST_USERS, headers={**LIST_USERS.headers, "x-amz-date": stamp})
    signed = signature_of(incoming)
    with pytest.raises(Refusal) as caught:
        verify(incoming, signed, IAM_SECRET, moment("20150830T123600Z"))
    assert caught.value.kind is FailureKind.MALFORMED_AUTH


@pytest.mark.parametrize("expires", ["0", "-1", "x", "604801", ""])
def test_a_presigned_url_lives_a_week_at_most(expires):
    query = S3_URL.query.replace("X-Amz-Expires=86400", f"X-Amz-Expires={expires}")
    with pytest.raises(Refusal) as caught:
        signature_of(replace(S3_URL, query=query))
    assert caught.value.kind is FailureKind.MALFORMED_AUTH


def test_secrets_show_in_no_repr():
    signed = signature_of(replace(S3_URL, query=S3_URL.query + "&X-Amz-Security-Token=hidden"))
    assert signed.token == "hidden"
    assert "hidden" not in repr(signed)
