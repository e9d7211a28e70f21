"""Plain HTTP is for what the user or AWS says has no TLS, and for nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.models import Compute
from jupyter_emr_connect.services.attachments.encryption import plain_http_rule

WITHOUT = {"security_configuration": None, "in_transit_encryption": None}
SWITCHED_OFF = {"security_configuration": "roles", "in_transit_encryption": False}
SWITCHED_ON = {"security_configuration": "tls", "in_transit_encryption": True}
UNREAD = {"security_configuration": "tls", "unread": "its security configuration 'tls' cannot be read: denied"}


def rule(details: dict[str, Any], *, tls_seen: bool = False, **settings: Any) -> tuple[str, bool]:
    compute = Compute("j-1", "ec2", "team", "arn", "us-east-1", "1", "WAITING", details=details)
    found = plain_http_rule(EMRConnect(**settings), compute, tls_seen=tls_seen)
    return found.refusal, found.secrets


@pytest.mark.parametrize("details", [WITHOUT, SWITCHED_OFF])
def test_plain_http_is_tried_without_secrets_where_aws_says_that_there_is_no_tls(details: dict[str, Any]) -> None:
    assert rule(details) == ("", False)


@pytest.mark.parametrize(
    ("details", "more", "words"),
    [
        (SWITCHED_ON, {}, "in-transit encryption is on"),
        (UNREAD, {}, "cannot be read: denied"),
        (WITHOUT, {"tls_seen": True}, "answered over TLS before"),
        (WITHOUT, {"certificate_authorities": {"j-1": "ca.pem"}}, "certificate_authorities"),
        (WITHOUT, {"certificate_authorities": {"team": "ca.pem"}}, "certificate_authorities"),
        (WITHOUT, {"certificate_authorities": {"*": "ca.pem"}}, "certificate_authorities"),
    ],
)
def test_it_is_refused_where_tls_is_to_be_expected(details: dict[str, Any], more: dict[str, Any], words: str) -> None:
    refusal, secrets = rule(details, **more)
    assert words in refusal
    assert not secrets
    assert rule(details, allow_plain_http=["other"], **more)[0] == refusal
    for allowed in (True, ["j-1"], ["other", "team"]):
        assert rule(details, allow_plain_http=allowed, **more) == ("", True)


def test_another_computes_ca_says_nothing() -> None:
    assert rule(WITHOUT, certificate_authorities={"other": "ca.pem"}) == ("", False)
