"""Refusals as each protocol writes them, read back with botocore's own parsers."""

from __future__ import annotations

import pytest
from botocore.parsers import create_parser

from jupyter_emr_connect.sandbox.aws.failures import COMMON, EC2, FailureKind, Refusal, render

PROTOCOLS = ["json", "rest-json", "query", "ec2", "rest-xml"]


def parsed(refusal, protocol):
    reply = render(refusal, protocol, "the-request")
    answer = {
        "status_code": reply.status,
        "body": reply.body,
        "headers": {k.lower(): v for k, v in reply.headers.items()},
    }
    return create_parser(protocol).parse(answer, None), reply


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", list(FailureKind))
def test_every_refusal_reads_back(kind, protocol):
    read, reply = parsed(Refusal(kind, 'said "so" & <more>'), protocol)
    row = COMMON[kind]
    expected = {"rest-xml": row.s3, "query": row.query, "ec2": EC2.get(kind, row.query)}.get(protocol, row.json)[0]
    assert read["Error"]["Code"] == expected
    assert read["Error"]["Message"] == 'said "so" & <more>'
    assert reply.status >= 400


@pytest.mark.parametrize("kind", list(FailureKind))
def test_every_refusal_has_words_of_its_own(kind):
    if kind is not FailureKind.UNKNOWN_OPERATION:
        for protocol in PROTOCOLS:
            assert len(parsed(Refusal(kind), protocol)[0]["Error"]["Message"]) > 8


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_services_own_error_keeps_its_code(protocol):
    read, reply = parsed(Refusal("InvalidRequestException", "no"), protocol)
    assert (read["Error"]["Code"], reply.status) == ("InvalidRequestException", 400)


@pytest.mark.parametrize(
    ("kind", "protocol", "status"),
    [
        (FailureKind.THROTTLED, "json", 400),
        (FailureKind.THROTTLED, "rest-json", 429),
        (FailureKind.THROTTLED, "rest-xml", 503),
        (FailureKind.DENIED, "json", 400),
        (FailureKind.DENIED, "rest-json", 403),
        (FailureKind.DENIED, "query", 403),
        (FailureKind.EXPIRED_TOKEN, "rest-json", 403),
        (FailureKind.INVALID_PARAMETER, "rest-json", 400),
        (FailureKind.INTERNAL, "query", 500),
        (FailureKind.DENIED, "ec2", 403),
        (FailureKind.THROTTLED, "ec2", 503),
        (FailureKind.TOO_LARGE, "json", 413),
    ],
)
def test_status_codes(kind, protocol, status):
    assert render(Refusal(kind), protocol, "r").status == status
