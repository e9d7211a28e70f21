"""Sources: profiles with regions, and access roles, and the settings of access roles."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import ConfigurationError, MalformedRole
from jupyter_emr_connect.models import AccessRole
from jupyter_emr_connect.services.compute.sources import Source, access_role, list_sources

HUB = "arn:aws:iam::111111111111:role/Hub"
DATA = "arn:aws:iam::210987654321:role/EMRAccess"


def test_without_settings_the_aws_chain_chooses():
    assert list_sources(EMRConnect()) == [Source(None, None)]


def test_each_profile_with_each_region_and_each_access_role():
    config = EMRConnect(profiles=["a", "b"], regions=["us-east-1", "eu-west-1"], access_roles=[DATA])
    found = [
        (source.profile, source.region, source.access_role and source.access_role.arn)
        for source in list_sources(config)
    ]
    assert found == [
        ("a", "us-east-1", None),
        ("a", "eu-west-1", None),
        ("b", "us-east-1", None),
        ("b", "eu-west-1", None),
        ("a", "us-east-1", DATA),
        ("a", "eu-west-1", DATA),
    ]


def test_what_the_user_names_goes_before_what_is_configured():
    config = EMRConnect(profiles=["a", "b"], regions=["us-east-1"])
    assert list_sources(config, ["c"], ["eu-west-1"]) == [Source("c", "eu-west-1")]


def test_an_access_role_has_its_own_profile_and_regions():
    config = EMRConnect(access_roles=[{"arn": DATA, "profile": "b", "regions": ["eu-west-1"]}], profiles=["a", "b"])
    assert Source("b", "eu-west-1", AccessRole(DATA)) in list_sources(config)
    assert all(not source.access_role for source in list_sources(config, ["a"]))


def test_a_chain_with_external_id_and_tags():
    config = EMRConnect(
        access_roles=[{"arn": DATA, "external_id": "x", "session_tags": {"team": "data"}, "via": HUB}, HUB]
    )
    role = access_role(config, DATA)
    assert role == AccessRole(DATA, "x", None, (("team", "data"),), AccessRole(HUB))
    assert "external_id" not in repr(role)


def test_the_role_before_may_be_given_in_place():
    config = EMRConnect(access_roles=[{"arn": DATA, "via": {"arn": HUB, "external_id": "y"}}])
    assert access_role(config, DATA) == AccessRole(DATA, via=AccessRole(HUB, "y"))
    assert len(list_sources(config)) == 2


def test_sources_with_other_roles_have_other_keys():
    config = EMRConnect(profiles=["a"], regions=["us-east-1"], access_roles=[DATA, HUB])
    keys = [source.key for source in list_sources(config)]
    assert len(set(keys)) == len(keys) == 3


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("not an arn", "no good ARN"),
        ({}, "no good ARN"),
        ({"arn": DATA, "externalid": "x"}, "externalid"),
        ({"arn": DATA, "session_tags": ["a"]}, "session_tags"),
        ({"arn": DATA, "via": DATA}, "leads to itself"),
        ({"arn": DATA, "via": "hub"}, "no good ARN"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(entry, words):
    with pytest.raises(ConfigurationError, match=words):
        list_sources(EMRConnect(access_roles=[entry]))


def test_an_access_role_that_is_not_configured_is_a_plain_one():
    assert access_role(EMRConnect(), None) is None
    assert access_role(EMRConnect(), DATA) == AccessRole(DATA)
    with pytest.raises(MalformedRole):
        access_role(EMRConnect(), "nonsense")
