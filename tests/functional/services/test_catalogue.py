"""The catalogue when AWS is slow, throttles or denies: what is known is shown, in the time that was given."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.errors import CredentialsExpired
from jupyter_emr_connect.services.catalogue import NOT_LOOKED_AT, Catalogue


def test_a_slow_aws_is_not_waited_for_longer_than_asked(cloud):
    catalogue = Catalogue(open_session())
    assert {row.name: row.attachable for row in catalogue.list()}["open"]
    cloud.world.faults.set("slow:1000", options={"action": "DescribeCluster"})
    begun = time.monotonic()
    rows = catalogue.list(seconds=0.2)
    assert time.monotonic() - begun < 0.9
    assert {row.reason for row in rows} == {NOT_LOOKED_AT}


def test_the_first_throttled_answer_ends_the_round(cloud, monkeypatch):
    monkeypatch.setattr("jupyter_emr_connect.aws.session.ATTEMPTS", 1)
    model = cloud.world.clusters[cloud.id("open")]
    for number in range(20):
        cloud.world.clusters[f"j-MORE{number}"] = replace(model, id=f"j-MORE{number}", name=f"more-{number}")
    cloud.world.faults.set("throttle", options={"action": "DescribeCluster"})
    begun = time.monotonic()
    rows = Catalogue(open_session()).list(seconds=30)
    assert time.monotonic() - begun < 10
    assert cloud.calls("DescribeCluster") <= 3
    throttled = [row.reason for row in rows if row.reason != NOT_LOOKED_AT]
    assert 1 <= len(throttled) <= 3
    assert all("throttles elasticmapreduce:DescribeCluster" in reason for reason in throttled)


def test_progress_counts_every_cluster(cloud):
    seen = []
    Catalogue(open_session()).list(progress=lambda *numbers: seen.append(numbers))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_login_that_ends_meanwhile_is_an_error_not_a_reason(cloud):
    cloud.world.faults.set("expire-credentials", options={"action": "DescribeCluster"})
    with pytest.raises(CredentialsExpired):
        Catalogue(open_session()).list()
