"""Callers: one for each profile and access role in a process, asked for once by however many threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.loaders import Loader

from jupyter_emr_connect.aws.callers import open_caller, surroundings
from jupyter_emr_connect.aws.session import forget, open_session
from jupyter_emr_connect.aws.sts import account_of, account_within, get_identity
from jupyter_emr_connect.errors import AccessDenied, ConfigurationError, CredentialsExpired, NoCredentials, NoRegion
from jupyter_emr_connect.models import AccessRole
from jupyter_emr_connect.sandbox.world.world import ACCOUNT, OTHER_ACCOUNT

ACCESS = AccessRole(f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRAccess")
REGIONS = ("us-east-1", "eu-west-1", "ap-south-1", "sa-east-1")


def at_once(function, arguments):
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(function, arguments))


def test_sessions_of_all_regions_share_a_caller(cloud):
    sessions = at_once(lambda region: open_session("developer", region), REGIONS * 8)
    assert len({id(one.caller) for one in sessions}) == 1
    assert len({id(one) for one in sessions}) == len(REGIONS)


@pytest.mark.slow
def test_each_session_asks_its_own_region_however_many_begin_at_once(cloud):
    for _ in range(10):
        forget()
        cloud.world.log = type(cloud.world.log)()
        at_once(lambda region: open_session("administrator", region).call("emr", "ListClusters"), REGIONS)
        assert sorted(row["region"] for row in cloud.world.log.since()) == sorted(REGIONS)


def test_a_session_in_another_region_does_not_change_the_chains(cloud):
    open_session("administrator", "eu-west-1").call("emr", "ListClusters")
    assert open_session("administrator").region == "us-east-1"


def test_the_account_is_asked_for_once(cloud):
    sessions = [open_session("developer", region) for region in REGIONS * 4]
    assert set(at_once(lambda one: account_within(one, 20), sessions)) == {ACCOUNT}
    assert set(at_once(account_of, sessions)) == {ACCOUNT}
    assert cloud.calls("GetCallerIdentity") == 1


@pytest.mark.slow
def test_a_role_is_assumed_once_for_all_regions_and_threads(cloud):
    sessions = [open_session("developer", region, ACCESS) for region in REGIONS]

    def ask(number):
        service, operation = (("emr", "ListClusters"), ("emr-serverless", "ListApplications"))[number % 2]
        return sessions[number % 4].call(service, operation)

    assert len(at_once(ask, range(16))) == 16
    assert cloud.calls("AssumeRole") == 1
    assert cloud.calls("GetCallerIdentity") == 0


def test_the_account_of_a_role_is_known_without_asking(cloud):
    session = open_session("developer", "us-east-1", ACCESS)
    assert account_within(session, 0) == OTHER_ACCOUNT
    assert cloud.calls("GetCallerIdentity") == cloud.calls("AssumeRole") == 0
    assert get_identity(session).account == OTHER_ACCOUNT


def test_a_role_that_may_not_be_taken_is_named_with_the_action(cloud):
    session = open_session("analyst", "us-east-1", ACCESS)
    with pytest.raises(AccessDenied) as caught:
        session.call("emr", "ListClusters")
    assert caught.value.iam_action == "sts:AssumeRole"
    assert f"may not call sts:AssumeRole for {ACCESS.arn} (" in caught.value.message


def test_an_account_that_cannot_be_asked_for_is_not_waited_for(cloud):
    cloud.world.faults.set("slow:15000", options={"service": "sts"})
    session = open_session("developer", "us-east-1")
    assert at_once(lambda one: account_within(one, 0.2), [session] * 8) == [None] * 8
    assert open_session("developer", "us-east-1").call("emr", "ListClusters")["Clusters"]


def test_an_account_that_cannot_be_told_is_not_asked_for_again_soon(cloud):
    cloud.world.faults.set("down", options={"service": "sts"})
    session = open_session("developer", "us-east-1")
    assert account_within(session, 30) is None
    calls = cloud.calls("GetCallerIdentity")
    assert [account_within(session, 30) for _ in range(5)] == [None] * 5
    assert cloud.calls("GetCallerIdentity") == calls


def test_credentials_that_are_over_are_said_and_asked_for_anew(cloud):
    cloud.world.faults.set("expire-credentials")
    with pytest.raises(CredentialsExpired):
        account_within(open_session("developer", "us-east-1"), 20)
    cloud.world.faults.clear()
    assert account_within(open_session("developer", "us-east-1"), 20) == ACCOUNT


def test_a_region_that_fails_leaves_the_account_to_the_others(cloud):
    cloud.world.faults.set("down", options={"service": "sts", "region": "eu-west-1"})
    far, near = (open_session("developer", region) for region in ("eu-west-1", "us-east-1"))
    assert account_within(far, 30) is None
    assert account_within(near, 30) == ACCOUNT
    assert account_within(far, 0) == ACCOUNT


def test_a_new_login_is_another_caller(cloud):
    before = open_caller("developer", None, "us-east-1")
    forget(open_session("developer", "us-east-1").key)
    assert open_caller("developer", None, "us-east-1") is not before


def test_what_cannot_be_a_caller_is_refused(cloud, monkeypatch):
    with pytest.raises(NoCredentials, match="nobody"):
        open_caller("nobody", None, "us-east-1")
    (cloud.folder / "config").write_text("[default]\n")
    monkeypatch.delenv("AWS_PROFILE")
    with pytest.raises(NoRegion):
        open_caller(None, None, None)
    with pytest.raises(NoCredentials):
        open_caller(None, None, "us-east-1")
    (cloud.folder / "config").write_text("[profile a\nnonsense")
    with pytest.raises(ConfigurationError):
        open_caller("a", None, "us-east-1")


def test_an_unknown_region_is_refused(cloud):
    with pytest.raises(ConfigurationError, match="'nowhere' is not an AWS region"):
        open_session("developer", "nowhere").offers("emr")


class CountingLoader(Loader):
    """botocore's, that notes what is loaded and takes its time."""

    loaded: list[str]

    def load_data_with_path(self, name):
        self.loaded.append(name)
        time.sleep(0.2)
        return super().load_data_with_path(name)


def test_the_list_of_endpoints_is_loaded_once_however_many_ask(cloud):
    sessions = [open_session("administrator", region) for region in REGIONS]
    loader = CountingLoader()
    loader.loaded = []
    sessions[0].caller.core.register_component("data_loader", loader)
    assert at_once(lambda one: one.offers("emr"), sessions * 2) == [True] * 8
    assert loader.loaded.count("endpoints") == 1


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("AWS_PROFILE", True),
        ("AWS_REGION", True),
        ("AWS_ENDPOINT_URL_EMR", True),
        ("AWS_ACCESS_KEY_ID", True),
        ("AWS_SECRET_ACCESS_KEY", False),
        ("HOME", False),
    ],
)
def test_surroundings_differ_where_they_lead_elsewhere(cloud, monkeypatch, name, matters):
    before = surroundings(None, None)
    monkeypatch.setenv(name, "other-value")
    assert (surroundings(None, None) != before) is matters
    assert "other-value" not in surroundings(None, None)


def test_surroundings_do_not_matter_where_the_user_has_chosen(cloud, monkeypatch):
    before = surroundings("developer", "us-east-1")
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, "other-value")
    assert surroundings("developer", "us-east-1") == before


@pytest.fixture
def as_access_role(cloud, monkeypatch):
    """The environment of somebody who is the access role already, as in a container or after `aws sso login`."""
    session = open_session("developer", None, ACCESS)
    session.call("emr", "ListClusters")
    own = session.credentials.get_frozen_credentials()
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", own.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", own.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", own.token)
    forget()
    cloud.world.log = type(cloud.world.log)()
    return own


def test_who_is_the_access_role_already_needs_not_assume_it(cloud, as_access_role):
    sessions = [open_session(None, region, ACCESS) for region in REGIONS[:2]]
    for session in sessions:
        session.call("emr", "ListClusters")
    assert [session.credentials.get_frozen_credentials().access_key for session in sessions] == [
        as_access_role.access_key
    ] * 2
    assert cloud.calls("AssumeRole") == 1  # whose trust policy may let it take itself
    assert account_of(sessions[0]) == OTHER_ACCOUNT


@pytest.mark.parametrize(
    "role",
    [
        AccessRole(f"arn:aws:iam::{ACCOUNT}:role/EMRAccess"),  # of this name in another account
        AccessRole(f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRAccess2"),
        AccessRole(ACCESS.arn, session_tags=(("team", "data"),)),  # which the credentials at hand do not carry
    ],
)
def test_who_is_another_role_is_still_refused(cloud, as_access_role, role):
    with pytest.raises(AccessDenied):
        open_session(None, "us-east-1", role).call("emr", "ListClusters")


def test_a_chain_may_begin_with_the_role_that_the_caller_is(cloud, as_access_role):
    again = AccessRole(ACCESS.arn, via=ACCESS)
    open_session(None, "us-east-1", again).call("emr", "ListClusters")
