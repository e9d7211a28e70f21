"""AWS sessions against the AWS front: one per caller, the region found, access roles, pages to the end."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import botocore.auth
import pytest

from jupyter_emr_connect.aws.emr import describe_cluster, list_clusters, primary_hosts
from jupyter_emr_connect.aws.errors import error_code
from jupyter_emr_connect.aws.session import forget, open_session
from jupyter_emr_connect.aws.sts import get_identity
from jupyter_emr_connect.errors import AccessDenied, AWSError, NoRegion
from jupyter_emr_connect.models import AccessRole


def test_one_session_per_caller(cloud):
    assert open_session() is open_session()
    assert open_session("developer") is not open_session("analyst")
    assert open_session("developer", "eu-west-1").region == "eu-west-1"


@pytest.mark.slow
def test_many_threads_share_one_session(cloud):
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(get_identity(open_session()).arn)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {"arn:aws:iam::123456789012:user/developer"}
    assert len(seen) == 10


def test_the_region_may_come_from_aws_region(cloud, monkeypatch):
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with pytest.raises(NoRegion):
        open_session()
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert open_session().region == "eu-north-1"
    made = open_session()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-south-1")
    assert open_session().region == "eu-south-1"
    assert made.region == "eu-north-1"  # a session does not change once made


def test_another_profile_in_the_environment_counts_at_once(cloud, monkeypatch):
    """As ``%env AWS_PROFILE=…`` in a notebook with ``%emr``."""
    named, by_variable = open_session("developer"), open_session()
    assert get_identity(named).arn == get_identity(by_variable).arn == "arn:aws:iam::123456789012:user/developer"
    monkeypatch.setenv("AWS_PROFILE", "analyst")
    assert get_identity(open_session()).arn == "arn:aws:iam::123456789012:user/analyst"
    assert open_session("developer") is named  # who names a profile does not go by the variable


def test_another_endpoint_in_the_environment_counts_at_once(cloud, monkeypatch):
    """As where one process uses a sandbox after another."""
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        made = open_session("developer")
    assert open_session("developer") is not made
    assert list_clusters(open_session("developer"))


@pytest.mark.slow
def test_regions_of_one_caller_do_not_mix(cloud):
    """They share a botocore session, so that a login counts for all: its region must stay the profile's."""
    model = next(iter(cloud.world.clusters.values()))
    for region in ("eu-west-1", "us-west-2", "ap-south-1"):
        made = replace(model, id=f"j-{region.upper().replace('-', '')}", region=region)
        cloud.world.clusters[made.id] = made
    for _ in range(20):
        forget()
        found: dict[str, set[str]] = {}

        def ask(region: str, found: dict[str, set[str]] = found) -> None:
            found[region] = {row.arn.split(":")[3] for row in list_clusters(open_session("developer", region))}

        threads = [threading.Thread(target=ask, args=(one,)) for one in ("eu-west-1", "us-west-2", "ap-south-1")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == {region: {region} for region in found}
        assert len(found) == 3
        assert open_session("developer").region == "us-east-1"


def test_all_pages_are_followed(cloud):
    model = next(iter(cloud.world.clusters.values()))
    for number in range(101):
        seeded = replace(model, id=f"j-PAGES{number:05}", name=f"page-{number}")
        cloud.world.clusters[seeded.id] = seeded
    assert len({row.id for row in list_clusters(open_session())}) == 101 + 4


def test_an_unknown_id_is_none_and_other_refusals_are_errors(cloud):
    assert describe_cluster(open_session(), "j-NOSUCH000000") is None
    with pytest.raises(AccessDenied) as caught:
        describe_cluster(open_session("denied"), cloud.id("open"))
    assert caught.value.iam_action == "elasticmapreduce:DescribeCluster"
    assert error_code(caught.value) == "AccessDeniedException"


def test_kerberos_secrets_never_leave_the_aws_layer(cloud):
    found = describe_cluster(open_session(), cloud.id("kerberos"))
    assert found is not None
    assert found.kerberos
    assert "assword" not in repr(found)


def test_primary_hosts(cloud):
    session = open_session("administrator")
    found = describe_cluster(session, cloud.id("open"))
    assert found is not None
    assert len(primary_hosts(session, found)) == 1


def test_an_access_role_that_may_not_be_assumed(cloud):
    role = AccessRole("arn:aws:iam::210987654321:role/NoSuchAccess")
    with pytest.raises(AccessDenied) as caught:
        list(list_clusters(open_session(access_role=role)))
    assert caught.value.iam_action == "sts:AssumeRole"


def test_our_name_stands_in_the_user_agent_and_clients_have_deadlines(cloud):
    config = open_session()._client("emr").meta.config
    assert config.user_agent_extra.startswith("jupyter-emr-connect/")
    assert config.connect_timeout <= 10
    assert config.read_timeout <= 60


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(botocore.auth, "get_current_datetime"), reason="botocore reads the clock elsewhere")
def test_a_wrong_clock_is_said_to_be_one(cloud, monkeypatch):
    code = (
        "import botocore.auth, datetime\n"
        "now = botocore.auth.get_current_datetime\n"
        "botocore.auth.get_current_datetime = lambda *words: now(*words) - datetime.timedelta(hours=1)\n"
        "from jupyter_emr_connect.cli.main import run_cli\n"
        "raise SystemExit(run_cli(['list']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "clock" in done.stderr


def test_aws_error_without_a_known_code_keeps_awss_words(cloud):
    with pytest.raises(AWSError, match="elasticmapreduce:DescribeSecurityConfiguration"):
        open_session().call("emr", "DescribeSecurityConfiguration", Name="no such configuration")
