"""The sandbox's shared state: pairs, faults, log."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from jupyter_emr_connect.sandbox.world.eks import TokenRegistry, standard_endpoints
from jupyter_emr_connect.sandbox.world.faults import FaultBoard
from jupyter_emr_connect.sandbox.world.world import (
    ACCOUNT,
    REGION,
    PairRegistry,
    RequestLog,
    World,
    standard_clusters,
)

ROLE = "arn:aws:iam::123456789012:role/team/EMRAnalyst"


def test_a_pair_is_good_on_its_cluster_only() -> None:
    pairs = PairRegistry(propagation=0)
    pair = pairs.issue("j-A", ROLE, "arn:caller")
    assert pair.user == "emranalyst"
    assert pairs.check("j-A", pair.username, pair.password) == pair
    assert pairs.check("j-B", pair.username, pair.password) is None
    assert pairs.check("j-A", pair.username, pair.password + "x") is None
    assert pairs.check("j-A", "nobody", "") is None


def test_a_pair_is_not_honoured_at_once() -> None:
    pairs = PairRegistry(propagation=60)
    pair = pairs.issue("j-A", ROLE, "arn:caller")
    assert pairs.check("j-A", pair.username, pair.password) is None


def test_an_expired_pair_is_refused_and_others_live_on() -> None:
    pairs = PairRegistry(propagation=0)
    old, other = pairs.issue("j-A", ROLE, "arn:caller"), pairs.issue("j-B", ROLE, "arn:caller")
    assert pairs.expire("j-A") == 1
    assert pairs.check("j-A", old.username, old.password) is None
    assert pairs.check("j-B", other.username, other.password) == other


def test_the_password_is_not_in_the_repr() -> None:
    pair = PairRegistry().issue("j-A", ROLE, "arn:caller")
    assert pair.password not in repr(pair)


def test_faults_strike_their_compute_until_cleared() -> None:
    board = FaultBoard()
    board.set("slow:200", compute="j-A")
    board.set("deny:elasticmapreduce:ListClusters")
    assert [fault.argument for fault in board.hits("slow", "j-A")] == ["200"]
    assert board.hits("slow", "j-B") == []
    assert board.hits("deny")[0].argument == "elasticmapreduce:ListClusters"
    board.clear("slow")
    assert board.hits("slow", "j-A") == []
    board.clear()
    assert board.active() == []


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_fault_ends_by_itself(seconds: float) -> None:
    board = FaultBoard()
    board.set("throttle", seconds=seconds)
    assert board.hits("throttle") == []


def test_a_rate_of_zero_never_strikes() -> None:
    board = FaultBoard()
    board.set("throttle", rate=0)
    assert not any(board.hits("throttle") for _ in range(200))


def test_the_log_gives_rows_after_a_moment() -> None:
    log = RequestLog(size=2)
    for action in ("A", "B", "C"):
        log.add(service="emr", action=action, principal="p", status=200, size=1, region="r")
    rows = log.since()
    assert [row["action"] for row in rows] == ["B", "C"]
    assert log.since(rows[-1]["time"]) == []


def test_a_token_is_good_on_its_endpoint_only_and_no_longer_than_the_longest() -> None:
    tokens = TokenRegistry(longest=60)
    token = tokens.issue("endpointa", ROLE, "arn:caller", 900)
    assert token.expires_at <= time.time() + 60
    assert tokens.check("endpointa", token.value) == token
    assert tokens.check("endpointb", token.value) is None
    assert tokens.expire("endpointb") == 0
    assert tokens.expire("endpointa") == 1
    assert tokens.check("endpointa", token.value) is None
    assert tokens.expired("endpointa", token.value)
    assert not tokens.expired("endpointb", token.value)
    assert token.value not in repr(token)


def test_the_standard_endpoint_is_the_contracts_and_is_found_by_each_of_its_names() -> None:
    world = World()
    (notebooks,) = standard_endpoints("10", ACCOUNT, REGION)
    world.endpoints[notebooks.id] = notebooks
    assert (notebooks.name, notebooks.virtual_cluster.name) == ("notebooks", "team")
    assert notebooks.server_url == "https://127.0.10.8:18888"
    assert {len(notebooks.id), len(notebooks.virtual_cluster.id)} == {25}
    for text in ("notebooks", notebooks.id, notebooks.compute_id):
        assert world.compute(text) == notebooks.compute_id
    assert world.compute("nothing") is None
    world.endpoints["x"] = replace(notebooks, id="x")
    assert world.compute("notebooks") is None


def test_the_standard_clusters_are_the_contracts() -> None:
    world = World()
    world.clusters = {spec.id: spec for spec in standard_clusters("10")}
    assert [spec.name for spec in world.clusters.values()] == ["analytics", "open", "kerberos", "old", "gone", "shared"]
    assert len({spec.address for spec in world.clusters.values()}) == 6
    analytics = world.cluster("analytics")
    assert analytics is not None
    assert analytics.tls
    assert analytics.runtime_roles
    assert world.cluster(analytics.id) == analytics
    assert world.cluster("nothing") is None
