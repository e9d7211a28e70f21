"""The JSON inside DescribeSecurityConfiguration's answer."""

from __future__ import annotations

import json

import pytest

from jupyter_emr_connect.aws.emr import SecurityConfiguration, parse_security_configuration
from jupyter_emr_connect.errors import AWSError


def parse(body: object) -> SecurityConfiguration:
    return parse_security_configuration("sc", json.dumps(body))


def test_runtime_roles():
    body = {"AuthorizationConfiguration": {"IAMConfiguration": {"EnableApplicationScopedIAMRole": True}}}
    assert parse(body) == SecurityConfiguration("sc", runtime_roles=True)


def test_in_transit_encryption_kerberos_and_identity_center():
    body = {
        "EncryptionConfiguration": {"EnableInTransitEncryption": True},
        "AuthenticationConfiguration": {
            "KerberosConfiguration": {"Provider": "ClusterDedicatedKdc"},
            "IdentityCenterConfiguration": {"EnableIdentityCenter": True},
        },
    }
    assert parse(body) == SecurityConfiguration("sc", False, True, True, True)


@pytest.mark.parametrize("body", [{}, [], None, {"AuthorizationConfiguration": None}, {"EncryptionConfiguration": "x"}])
def test_what_is_absent_or_odd_switches_nothing_on(body):
    assert parse(body) == SecurityConfiguration("sc")


@pytest.mark.parametrize("value", ["true", 1, None, False])
def test_only_true_switches_runtime_roles_on(value):
    body = {"AuthorizationConfiguration": {"IAMConfiguration": {"EnableApplicationScopedIAMRole": value}}}
    assert not parse(body).runtime_roles


def test_text_that_is_not_json():
    with pytest.raises(AWSError, match="not JSON"):
        parse_security_configuration("sc", "{")
