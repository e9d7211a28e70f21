"""Finding a compute by id, ARN or name over all sources and kinds, and what is said where that fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import (
    AccessDenied,
    AmbiguousCompute,
    AWSUnavailable,
    ComputeNotFound,
    ConfigurationError,
    CredentialsExpired,
    NoCredentials,
)
from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.sandbox.world.world import OTHER_ACCOUNT
from jupyter_emr_connect.services.compute.eligibility import Reachability, network
from jupyter_emr_connect.services.compute.lookup import find, recorded_source, sources_of
from jupyter_emr_connect.services.compute.sources import Source
from tests.functional.services.compute.catalogue.catalogues import add_clusters
from tests.functional.services.endpoints import add_endpoint

ACCESS = f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRAccess"
HERE = EMRConnect(profile="developer")
BOTH = EMRConnect(profiles=["administrator"], regions=["us-east-1", "eu-west-1"], access_roles=[ACCESS])


def ids(cloud) -> dict[str, str]:
    """Return the id of one compute of each kind."""
    (application,) = cloud.world.applications.values()
    (endpoint,) = cloud.world.endpoints.values()
    return {"ec2": cloud.id("open"), "serverless": application.id, "eks": endpoint.compute_id}


def test_each_kind_by_id_arn_and_name(cloud):
    for kind, compute_id in ids(cloud).items():
        by_id = find(HERE, compute_id)
        assert (by_id.kind, by_id.id, by_id.profile) == (kind, compute_id, "developer")
        assert by_id.details
        assert find(HERE, by_id.arn) == by_id
        assert find(HERE, f"  {compute_id}\n", kind=kind) == by_id
        by_name = find(HERE, by_id.name)
        assert (by_name.id, by_name.arn) == (by_id.id, by_id.arn)
    assert find(HERE, "team/notebooks").id == ids(cloud)["eks"]


def test_an_arn_leads_to_its_region_and_account(cloud):
    (far,) = add_clusters(cloud, 1, "far", region="ap-south-1")
    (theirs,) = add_clusters(cloud, 1, "theirs", region="ap-south-1", account=OTHER_ACCOUNT)
    found = find(BOTH, far.arn)
    assert (found.region, found.access_role) == ("ap-south-1", None)
    found = find(BOTH, theirs.arn)
    assert (found.region, found.account, found.access_role) == ("ap-south-1", OTHER_ACCOUNT, ACCESS)


@pytest.mark.slow
def test_a_name_is_looked_for_in_all_regions_and_accounts(cloud):
    add_clusters(cloud, 1, "far", region="eu-west-1")
    assert find(BOTH, "far-0").region == "eu-west-1"
    shared = find(BOTH, "shared")
    assert (shared.account, shared.access_role, shared.attachable) == (OTHER_ACCOUNT, ACCESS, True)


def test_an_ambiguous_name_lists_the_candidates_of_all_kinds_regions_and_accounts(cloud):
    names = [add_clusters(cloud, 1, "a", region="eu-west-1")[0], add_clusters(cloud, 1, "b", account=OTHER_ACCOUNT)[0]]
    for spec in names:
        cloud.world.clusters[spec.id] = replace(spec, name="notebooks")
    with pytest.raises(AmbiguousCompute) as caught:
        find(BOTH, "notebooks")
    assert "3 computes" in caught.value.message
    for word in (names[0].id, names[1].id, ids(cloud)["eks"], "eu-west-1", OTHER_ACCOUNT, "eks"):
        assert word in caught.value.message
    assert find(BOTH, "notebooks", kind="eks").kind == "eks"


def test_a_name_that_hundreds_have_names_the_newest(cloud):
    specs = add_clusters(cloud, 120, "nightly")
    for spec in specs:
        cloud.world.clusters[spec.id] = replace(spec, name="nightly")
    with pytest.raises(AmbiguousCompute) as caught:
        find(HERE, "nightly")
    assert "120 computes" in caught.value.message
    assert specs[0].id in caught.value.message
    assert "and 110 that are older" in caught.value.message
    assert len(caught.value.message) < 2000


def test_two_profiles_of_one_account_are_not_ambiguous(cloud):
    config = EMRConnect(profiles=["administrator", "developer"], regions=["us-east-1"])
    assert find(config, "open").profile == "administrator"
    assert find(config, cloud.id("open")).profile == "administrator"


def test_what_has_ended_is_found_and_says_so(cloud):
    gone = find(HERE, "gone")
    assert (gone.state, gone.attachable) == ("TERMINATED", False)
    assert "Terminated by user request" in gone.reason


def test_a_name_that_is_nearly_right_is_suggested(cloud):
    with pytest.raises(ComputeNotFound) as caught:
        find(HERE, "analytic")
    assert "'analytics'" in caught.value.fix
    assert "us-east-1" in caught.value.message
    assert "profile 'developer'" in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "j-NOSUCHCLUSTER",
        "nosuchapplication0001",
        "nosuchcluster/nosuchendpoint",
        "nothing",
        "x" * 10_000,
        "Ünïcødé 日本",
        "a\x00b\x1b[31m",
        "arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/j-NOSUCH",
        "../..",
        "-",
    ],
)
def test_what_is_not_there(cloud, text):
    with pytest.raises(ComputeNotFound) as caught:
        find(HERE, text)
    assert caught.value.fix
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(
    "text",
    [
        "arn:",
        "arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/",
        "arn:aws:elasticmapreduce:us-east-1:12345:cluster/j-A",
        "arn:aws:elasticmapreduce::123456789012:cluster/j-A",
        "arn:aws:iam::123456789012:role/EMRAnalyst",
        "arn:aws:emr-containers:us-east-1:123456789012:/virtualclusters/abc",
        "arn:aws:emr-serverless:us-east-1:123456789012:/applications/../x",
        "arn:" + "x" * 10_000,
    ],
)
def test_a_malformed_arn_is_said_to_be_none_and_aws_is_not_asked(cloud, text):
    with pytest.raises(ComputeNotFound, match="is not the ARN of a compute"):
        find(HERE, text)
    assert cloud.world.log.since() == []


def test_an_arn_of_a_region_that_is_none(cloud):
    arn = f"arn:aws:elasticmapreduce:mars-north-1:123456789012:cluster/{cloud.id('open')}"
    with pytest.raises(ConfigurationError, match="'mars-north-1' is not an AWS region"):
        find(HERE, arn)


def test_an_arn_of_an_account_that_nobody_here_has(cloud):
    with pytest.raises((ComputeNotFound, AccessDenied)) as caught:
        find(HERE, f"arn:aws:elasticmapreduce:us-east-1:999999999999:cluster/{cloud.id('open')}")
    assert "999999999999" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["analyticscluster1", "team/etl", "j-lowercase"])
def test_a_name_that_looks_like_an_id_is_found(cloud, name):
    (spec,) = add_clusters(cloud, 1, "like")
    cloud.world.clusters[spec.id] = replace(spec, name=name)
    assert find(HERE, name).id == spec.id
    cloud.world.faults.set("deny:GetApplication")
    cloud.world.faults.set("deny:DescribeManagedEndpoint")
    assert find(HERE, name).id == spec.id


def test_an_id_that_could_not_be_asked_for_says_why(cloud):
    cloud.world.faults.set("deny:GetApplication")
    with pytest.raises(AccessDenied) as caught:
        find(HERE, "nosuchapplication0001")
    assert caught.value.iam_action == "emr-serverless:GetApplication"


def test_one_source_that_fails_does_not_hide_what_another_finds(cloud):
    config = EMRConnect(profiles=["nobody", "denied", "developer"], regions=["us-east-1"])
    for text in ("open", cloud.id("open"), cloud.world.clusters[cloud.id("open")].arn):
        assert find(config, text).profile == "developer"


def test_a_region_that_hangs_does_not_hold_up_what_another_finds(cloud):
    cloud.world.faults.set("slow:5000", options={"region": "eu-west-1"})
    sources = [Source("administrator", region) for region in ("eu-west-1", "us-east-1")]
    assert find(HERE, cloud.id("open"), sources=sources).region == "us-east-1"
    assert not [row for row in cloud.world.log.since() if row["region"] == "eu-west-1"]  # not answered yet


def test_a_service_that_fails_is_named_where_a_name_is_not_found(cloud):
    cloud.world.faults.set("deny:ListApplications")
    assert find(HERE, "open").name == "open"
    with pytest.raises(ComputeNotFound) as caught:
        find(HERE, "interactive")
    assert "emr-serverless:ListApplications" in caught.value.message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "error"),
    [("down", AWSUnavailable), ("expire-credentials", CredentialsExpired), ("deny", AccessDenied)],
)
def test_where_all_fail_the_failure_is_told(cloud, fault, error):
    cloud.world.faults.set(fault)
    for text in ("open", cloud.id("open")):
        with pytest.raises(error) as caught:
            find(HERE, text)
        assert caught.value.fix
    with pytest.raises(NoCredentials):
        find(HERE, "open", sources=[Source("nobody")])


def test_a_kind_that_is_none(cloud):
    with pytest.raises(ComputeNotFound, match="'vm' is not a kind of compute"):
        find(HERE, "open", kind="vm")


def test_an_attachment_knows_its_source(cloud):
    kept = Attachment("j-A", id="1", profile="developer", region="us-east-1", access_role=ACCESS)
    assert sources_of(HERE, kept) == recorded_source(HERE, "developer", "us-east-1", ACCESS)
    assert sources_of(HERE, Attachment("j-A", region="eu-west-1")) == [Source("developer", "eu-west-1")]
    assert sources_of(HERE, Attachment("j-A")) == [Source("developer", None)]


def test_what_is_out_of_reach_is_not_attachable_unless_reach_is_not_asked(cloud, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(network, "_here", Reachability(resolver=asked.append))  # which says: no such name
    (lost,) = add_clusters(cloud, 1, "lost")
    cloud.world.clusters[lost.id] = replace(lost, address="ip-10-0-0-1.ec2.internal")
    found = find(HERE, lost.id)
    assert not found.attachable
    assert "ip-10-0-0-1.ec2.internal" in str(found.reason)
    asked.clear()
    assert find(EMRConnect(profile="developer", check_reach=False), lost.id).attachable
    endpoint = add_endpoint(cloud, url="https://away.example:18888")
    assert find(EMRConnect(profile="developer", check_reach=False), endpoint.compute_id).attachable
    assert asked == []
    assert not find(HERE, endpoint.compute_id).attachable
