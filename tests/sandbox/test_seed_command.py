"""`jupyter emr sandbox seed` and the narrowed faults, as a user types them."""

from __future__ import annotations

import configparser
import os
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pexpect
import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError

from tests.conftest import Sandbox, running_sandbox

pytestmark = pytest.mark.sandbox

REGIONS = ("us-east-1", "eu-west-1")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose account this module fills."""
    with running_sandbox(tmp_path_factory.mktemp("seeded"), f"seeded-{os.getpid()}") as running:
        yield running


def client(sandbox: Sandbox, service: str, region: str, user: str = "developer") -> Any:
    keys = configparser.ConfigParser(interpolation=None)
    keys.read(sandbox.env["AWS_SHARED_CREDENTIALS_FILE"])
    profile = keys[user]
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=sandbox.env["AWS_ENDPOINT_URL"],
        aws_access_key_id=profile["aws_access_key_id"],
        aws_secret_access_key=profile["aws_secret_access_key"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_big_account_is_listed(own: Sandbox) -> None:
    wanted = {"clusters": 30, "applications": 4, "endpoints": 2}
    numbers = [text for kind, number in wanted.items() for text in (f"--{kind}", str(number))]
    assert own.json("sandbox", "seed", *numbers, "--regions", ",".join(REGIONS), "--name", own.name) == wanted
    names = [row["name"] for row in own.json("sandbox", "status", "--name", own.name)["computes"]]
    assert len([name for name in names if name.startswith("seeded-")]) == 30
    for region in REGIONS:
        rows = client(own, "emr", region).list_clusters()["Clusters"]
        assert len([row for row in rows if row["Name"].startswith("seeded-")]) == 15
        rows = client(own, "emr-serverless", region).list_applications()["applications"]
        assert len([row for row in rows if row["name"].startswith("application-")]) == 2
        rows = client(own, "emr-containers", region).list_virtual_clusters()["virtualClusters"]
        assert "seeded" in [row["name"] for row in rows]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--clusters", "1", "--regions", "mars"], "'mars' is not a region"),
        (["--clusters", "1000000"], "1000000 clusters cannot be seeded"),
    ],
)
def test_what_cannot_be_seeded_is_named(own: Sandbox, words: list[str], message: str) -> None:
    refused = own.cli("sandbox", "seed", *words, "--name", own.name)
    assert (refused.returncode, message in refused.stderr) == (1, True)


def test_a_fault_strikes_one_service_in_one_region(own: Sandbox) -> None:
    own.fault("down", "--service", "emr-serverless", "--region", "eu-west-1")
    with pytest.raises(ConnectionClosedError):
        client(own, "emr-serverless", "eu-west-1").list_applications()
    assert client(own, "emr-serverless", "us-east-1").list_applications()
    assert client(own, "emr-containers", "eu-west-1").list_virtual_clusters()
    own.fault("down", "--off")
    assert client(own, "emr-serverless", "eu-west-1").list_applications()
    refused = own.cli("sandbox", "fault", "down", "--service", "dynamodb", "--name", own.name)
    assert (refused.returncode, "'dynamodb'" in refused.stderr) == (1, True)


FOUR = "us-east-1,us-west-2,eu-west-1,ap-south-1"
ACCOUNTS = {"123456789012", "210987654321"}


@pytest.fixture(scope="module")
def wide(own: Sandbox) -> Sandbox:
    """The sandbox with computes of every kind in four regions."""
    numbers = ("--clusters", "40", "--applications", "8", "--endpoints", "8")
    assert own.cli("sandbox", "seed", *numbers, "--regions", FOUR, "--name", own.name).returncode == 0
    return own


def test_one_table_shows_three_kinds_over_two_accounts_and_four_regions(wide: Sandbox) -> None:
    done = wide.cli("list", "--region", FOUR)
    assert (done.returncode, done.stderr) == (0, "")
    header, *rows = done.stdout.splitlines()
    columns = ("NAME", "KIND", "ACCOUNT", "REGION", "STATE")
    name, kind, account, region, end = (header.index(one) for one in columns)
    found = [(row[kind:account].strip(), row[account:region].strip(), row[region:end].strip()) for row in rows]
    expected = {(kind, "123456789012", place) for kind in ("ec2", "eks", "serverless") for place in FOUR.split(",")}
    assert set(found) == {*expected, ("ec2", "210987654321", "us-east-1")}
    names = Counter(row[name:kind].strip() for row in rows)
    assert names.keys() >= {"analytics", "open", "kerberos", "old", "shared", "notebooks", "interactive"}
    assert max(names.values()) == 1  # nobody's regions are mixed


def test_watching_on_a_terminal_shows_them_all_and_what_changes(wide: Sandbox) -> None:
    words = ["list", "--watch", "--region", FOUR, "--search", "team"]
    watch = pexpect.spawn("jupyter-emr", words, env=wide.env, dimensions=(120, 160), timeout=90, encoding="utf-8")
    watch.logfile_read = sys.stdout
    for seen in ("ACCOUNT.*REGION", "shared.*210987654321", "ap-south-1", "computes · as of"):
        watch.expect(seen)
    client(wide, "emr", "us-east-1", "administrator").run_job_flow(
        Name="just-made", ReleaseLabel="emr-7.0.0", Instances={}, Tags=[{"Key": "team", "Value": "new"}]
    )
    watch.expect("just-made")
    watch.sendintr()
    watch.expect(pexpect.EOF)
    watch.close()
    assert watch.exitstatus == 130
