"""Which encryption headers a bucket policy demands."""

from __future__ import annotations

import json

import pytest

from jupyter_emr_connect.aws.s3_errors import demanded_headers

HEADER = "x-amz-server-side-encryption"
KEY_HEADER = f"{HEADER}-aws-kms-key-id"


@pytest.mark.parametrize(
    ("effect", "condition", "demanded"),
    [
        ("Deny", {"StringNotEquals": {f"s3:{HEADER}": "aws:kms"}}, [(HEADER, "aws:kms")]),
        ("Deny", {"StringNotEquals": {f"s3:{HEADER}": ["AES256", "aws:kms"]}}, [(HEADER, "AES256 or aws:kms")]),
        ("Deny", {"StringNotEqualsIfExists": {f"s3:{KEY_HEADER}": "arn:k"}}, [(KEY_HEADER, "arn:k")]),
        ("Deny", {"ArnNotEquals": {f"s3:{KEY_HEADER}": "arn:k"}}, [(KEY_HEADER, "arn:k")]),
        ("Deny", {"Null": {f"s3:{HEADER}": "true"}}, [(HEADER, "")]),
        ("Deny", {"Null": {f"s3:{HEADER}": "false"}}, []),
        ("Deny", {"StringEquals": {f"s3:{HEADER}": "AES256"}}, []),
        ("Deny", {"Bool": {"aws:SecureTransport": "false"}}, []),
        ("Deny", None, []),
        ("Allow", {"StringNotEquals": {f"s3:{HEADER}": "aws:kms"}}, []),
    ],
)
def test_headers_are_read_from_the_statements_that_deny(effect, condition, demanded):
    statement = {"Effect": effect, **({"Condition": condition} if condition else {})}
    for written in (statement, [statement]):
        assert list(demanded_headers(json.dumps({"Statement": written}))) == demanded
