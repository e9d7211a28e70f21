"""Which service and region a request is for, and how a body is read."""

from __future__ import annotations

import io

import pytest

from jupyter_emr_connect.sandbox.aws.failures import FailureKind, Refusal
from jupyter_emr_connect.sandbox.aws.incoming import MAX_OBJECT_BYTES, RAW_HEADERS, Incoming, locate, read


def incoming(method="POST", query="", body=b"", **headers):
    return Incoming(method, "/", query, {n.replace("_", "-"): v for n, v in headers.items()}, body)


FORM = {"content_type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("request_", "scope", "found"),
    [
        (incoming(), ("eu-west-1", "elasticmapreduce"), ("elasticmapreduce", "eu-west-1")),
        (incoming(), ("us-gov-west-1", "s3"), ("s3", "us-gov-west-1")),
        (incoming(host="elasticmapreduce.eu-west-3.amazonaws.com"), None, ("elasticmapreduce", "eu-west-3")),
        (incoming(host="elasticmapreduce.eu-west-3.api.aws:443"), None, ("elasticmapreduce", "eu-west-3")),
        (incoming(host="bucket.s3.us-west-2.amazonaws.com"), None, ("s3", "us-west-2")),
        (incoming(host="eu-west-3.elasticmapreduce.amazonaws.com"), None, ("elasticmapreduce", "eu-west-3")),
        (incoming(host="bucket.name.s3.amazonaws.com:443"), None, ("s3", "us-east-1")),
        (incoming(host="iam.amazonaws.com"), None, ("iam", "us-east-1")),
        (incoming(x_amz_target="ElasticMapReduce.ListClusters"), None, ("elasticmapreduce", "us-east-1")),
        (incoming(body=b"Action=X&Version=2011-06-15", **FORM), None, ("sts", "us-east-1")),
        (incoming(query="Action=X&Version=2010-05-08"), None, ("iam", "us-east-1")),
        (incoming(authorization="AWS4 Credential=A/20260101/eu-west-1/sts/x"), None, ("sts", "eu-west-1")),
        (incoming(query="X-Amz-Credential=A%2F20260101%2Feu-west-1%2Fec2%2Fx"), None, ("ec2", "eu-west-1")),
        (incoming("GET", host="127.0.0.1:4566"), None, ("s3", "us-east-1")),
    ],
)
def test_where_a_request_belongs(request_, scope, found):
    assert locate(request_, scope) == found


@pytest.mark.parametrize("region", ["", "aws", "us-east", "US-EAST-1", "us-east-1/x", "x" * 100])
def test_a_region_that_is_none_is_refused(region):
    with pytest.raises(Refusal) as caught:
        locate(incoming(), (region, "s3"))
    assert caught.value.kind is FailureKind.MALFORMED_AUTH


def environ(body=b"", **more):
    return {
        "REQUEST_METHOD": "POST",
        "RAW_URI": "/a%20b?x=1&y=%20",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **more,
    }


def test_paths_stay_as_they_were_sent():
    found = read(environ(b"body", HTTP_X_AMZ_DATE="d", CONTENT_TYPE="t"))
    assert (found.path, found.query, found.body) == ("/a%20b", "x=1&y=%20", b"body")
    assert found.headers["x-amz-date"] == "d"
    assert found.headers["content-type"] == "t"


def test_header_names_with_underscores_are_kept_apart():
    found = read(environ(**{RAW_HEADERS: [("x-amz-meta-a_b", "1"), ("x-amz-meta-a-b", "2"), ("A", "1"), ("a", "2")]}))
    assert found.headers["x-amz-meta-a_b"] == "1"
    assert found.headers["x-amz-meta-a-b"] == "2"
    assert found.headers["a"] == "1,2"


def test_absolute_request_targets_are_read():
    assert read(environ(RAW_URI="http://host:1/a/b?c=d")).path == "/a/b"


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"CONTENT_LENGTH": "x"}, FailureKind.MALFORMED_BODY),
        ({"CONTENT_LENGTH": "9"}, FailureKind.MALFORMED_BODY),
        ({"CONTENT_LENGTH": str(MAX_OBJECT_BYTES + 1)}, FailureKind.TOO_LARGE),
    ],
)
def test_bad_lengths_are_refused(more, kind):
    with pytest.raises(Refusal) as caught:
        read(environ(b"abc", **more))
    assert caught.value.kind is kind
