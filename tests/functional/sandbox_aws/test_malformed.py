"""What no SDK sends: the front answers in AWS's way, with no traceback, and goes on."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest

JSON = {"X_Amz_Target": "ElasticMapReduce.ListClusters", "Content_Type": "application/x-amz-json-1.1"}


def sane(answer):
    assert b"Traceback" not in answer.body
    assert b".py" not in answer.body
    assert answer.headers.get("x-amzn-requestid") or answer.headers.get("x-amz-request-id")
    return answer


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b"7", b"\xff\xfe", b'{"Marker": }', b"[" * 100_000, b"{" * 100_000, b"\x00"],
    ids=lambda body: repr(body[:8]),
)
def test_bad_json(front, body):
    answer = sane(front.send_signed(body, **JSON))
    assert (answer.status, answer.code) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Marker": 7}, "SerializationException"),
        ({"ClusterStates": "WAITING"}, "SerializationException"),
        ({"CreatedAfter": "someday"}, "SerializationException"),
        ({"CreatedAfter": 1e300}, "SerializationException"),
        ({"ClusterStates": [None]}, "SerializationException"),
    ],
)
def test_parameters_of_the_wrong_type(front, params, code):
    answer = sane(front.send_signed(json.dumps(params).encode(), **JSON))
    assert (answer.status, answer.code) == (400, code)


def test_a_missing_parameter_is_named(front):
    answer = sane(front.send_signed(b"{}", **{**JSON, "X_Amz_Target": "ElasticMapReduce.DescribeCluster"}))
    assert (answer.status, answer.code) == (400, "ValidationException")
    assert b"ClusterId" in answer.body


def test_unknown_parameters_are_ignored_as_aws_does(front):
    assert front.send_signed(b'{"Nonsense": {"a": [1]}}', **JSON).status == 200


@pytest.mark.parametrize("target", ["ElasticMapReduce.Nonsense", "Nonsense.ListClusters", "ListClusters", "", "." * 50])
def test_an_unknown_operation(front, target):
    answer = sane(front.send_signed(b"{}", **{**JSON, "X_Amz_Target": target}))
    assert (answer.status, answer.code) == (400, "UnknownOperationException")


def test_an_operation_that_aws_has_and_the_sandbox_has_not(front):
    answer = sane(
        front.send_signed(b"{}", profile="administrator", **{**JSON, "X_Amz_Target": "ElasticMapReduce.ListStudios"})
    )
    assert (answer.status, answer.code) == (501, "UnknownOperationException")
    assert b"does not emulate" in answer.body


def test_a_service_that_the_sandbox_has_not(front, refused):
    code, message, status = refused(front.client("dynamodb").list_tables)
    assert (code, status) == ("UnknownOperationException", 501)
    assert "does not emulate the service 'dynamodb'" in message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"Action=Nonsense&Version=2011-06-15", b"InvalidAction"),
        (b"Version=2011-06-15", b"InvalidAction"),
        (b"", b"InvalidAction"),
        (b"\xff\xff=%zz&&&", b"InvalidAction"),
        (b"Action=AssumeRole&Version=2011-06-15", b"ValidationError"),
        (b"Action=AssumeRole&Version=2011-06-15&DurationSeconds=x", b"MalformedInput"),
    ],
)
def test_bad_query_requests(front, body, code):
    answer = sane(front.send_signed(body, service="sts", Content_Type="application/x-www-form-urlencoded"))
    assert answer.status == 400
    assert b"<Code>" + code + b"</Code>" in answer.body


def test_a_body_of_10_mb_is_refused(front):
    answer = sane(front.send_signed(b'{"Marker": "' + b"x" * 10_000_000 + b'"}', **JSON))
    assert (answer.status, answer.code) == (413, "RequestEntityTooLargeException")


def test_moto_has_no_admin_door(front):
    for path in ("/moto-api/", "/moto-api/data.json", "/moto-api/reset", "/moto-api/config"):
        for method in ("GET", "POST"):
            answer = sane(front.send(method, path))
            assert answer.status in (403, 404, 405)
            assert any(
                f"<Code>{code}<".encode() in answer.body
                for code in ("AccessDenied", "NoSuchBucket", "MethodNotAllowed")
            )
    assert front.client("iam", "administrator").list_users()["Users"]


@pytest.mark.parametrize("path", ["/", "/x", "/%", "/%ff%00", "//", "/a?b=%", "/latest/meta-data/", "/favicon.ico"])
def test_unsigned_requests_get_nothing(front, path):
    for method in ("GET", "PUT", "DELETE", "POST", "HEAD", "OPTIONS", "PATCH"):
        answer = sane(front.send(method, path))
        assert 400 <= answer.status < 500, (method, answer)


def test_no_page_of_a_browser_may_call(front):
    answer = front.send("OPTIONS", "/", Origin="http://evil.example", Access_Control_Request_Method="POST")
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_broken_http(front, raw):
    parts = urlsplit(front.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as peer:
        peer.sendall(raw)
        answer = peer.recv(65536)
    assert b" 4" in answer[:13] or answer == b""
    assert b"Traceback" not in answer
    assert front.client("sts").get_caller_identity()


def test_a_caller_that_goes_away_hurts_nobody(front):
    parts = urlsplit(front.url)
    for _ in range(5):
        with socket.create_connection((parts.hostname, parts.port), timeout=10) as peer:
            peer.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
    assert front.client("sts").get_caller_identity()


def test_headers_cannot_choose_the_account(front):
    answer = front.send_signed(
        b"Action=GetCallerIdentity&Version=2011-06-15",
        service="sts",
        X_Moto_Account_Id="210987654321",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert b"<Account>123456789012</Account>" in answer.body
    listed = front.send_signed(
        b"Action=ListUsers&Version=2010-05-08",
        profile="administrator",
        service="iam",
        X_Moto_Account_Id="210987654321",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert b"user/developer" in listed.body
