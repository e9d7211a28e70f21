"""The rules about reach: names and routes are given here; tests/functional/services asks the real machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest

from jupyter_emr_connect.services.compute.eligibility.network import (
    KEPT_S,
    MOST_AT_ONCE,
    UNKNOWN,
    NetworkReach,
    Reachability,
    decide,
    host_of,
    is_private,
)
from tests.unit.services.compute.eligibility.rules import rule

NAME = "ip-10-0-0-9.ec2.internal"


def from_addresses(*ours: str) -> Callable[[Iterable[str]], list[str]]:
    """A host that reaches everything from these addresses of its own."""
    return lambda addresses: list(ours)


@rule("network-loopback")
@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.45.2", "::1"])
def test_loopback_is_always_in_reach(address):
    assert decide("localhost", [address], from_addresses()) == NetworkReach(True)


@rule("network-name")
def test_a_name_that_only_its_vpc_knows_is_out_of_reach():
    reach = decide(NAME, None, from_addresses("10.0.0.1"))
    assert reach.ok is False
    for words in (NAME, "cannot be resolved from here", "private subnet", "VPN", "inside that VPC"):
        assert words in str(reach.obstacle)
    other = decide("gateway.example.org", None, from_addresses("10.0.0.1"))
    assert "private subnet" not in str(other.obstacle)


@rule("network-private")
@pytest.mark.parametrize("address", ["10.0.0.9", "172.31.255.1", "192.168.1.1", "100.64.0.1", "fd00::9"])
def test_a_private_address_is_out_of_reach_of_a_host_in_no_private_network(address):
    reach = decide(NAME, [address], from_addresses("203.0.113.7", "2001:db8::1"))
    assert reach.ok is False
    assert f"{NAME} ({address})" in str(reach.obstacle)
    assert decide(NAME, [address], from_addresses("203.0.113.7", "10.200.0.4")) == UNKNOWN


@rule("network-open")
@pytest.mark.parametrize("address", ["203.0.113.9", "172.32.0.1", "100.128.0.1", "11.0.0.1", "2600::1", "fe80::1%eth0"])
def test_any_other_address_is_left_to_the_attach(address):
    assert decide("host", [address], from_addresses("203.0.113.7")) == UNKNOWN
    assert decide("host", [address, "10.0.0.9"], from_addresses("203.0.113.7")) == UNKNOWN
    assert decide("host", [], from_addresses()) == UNKNOWN


@rule("network-no-route")
def test_an_address_without_a_route_is_out_of_reach():
    reach = decide("10.0.0.9", ["10.0.0.9"], from_addresses())
    assert reach.ok is False
    assert str(reach.obstacle).startswith("This host has no route to its address 10.0.0.9.")


@rule("network-name", "network-private")
@pytest.mark.parametrize(
    ("text", "private"),
    [
        (NAME, True),
        ("IP-10-0-0-9.EU-WEST-1.COMPUTE.INTERNAL.", True),
        ("192.168.0.1", True),
        ("ec2-3-4-5-6.compute-1.amazonaws.com", False),
        ("127.0.0.1", False),
        ("", False),
    ],
)
def test_private_names_and_addresses(text, private):
    assert is_private(text) == private


@rule("network-url")
@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://Internal.elb.amazonaws.com:18888/x", "internal.elb.amazonaws.com"),
        ("ip-10-0-0-9.ec2.internal.", "ip-10-0-0-9.ec2.internal"),
        ("10.0.0.9:18888", "10.0.0.9"),
        ("fd00::9", "fd00::9"),
        ("[fd00::9]:18888", "fd00::9"),
        ("https://[fd00::9]:1", "fd00::9"),
        ("https://[broken", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_host_of_an_address(text, host):
    assert host_of(text) == host


@rule("network-kept")
def test_an_answer_is_kept_for_five_minutes():
    now, asked = [1000.0], []

    def resolver(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    here = Reachability(resolver=resolver, sources=from_addresses(), clock=lambda: now[0])
    assert here.look("https://Host:1", wait=30) == here.look("host", wait=30) == NetworkReach(True)
    assert asked == ["host"]
    now[0] += KEPT_S - 1
    here.look("host", wait=30)
    assert asked == ["host"]
    now[0] += 2
    here.look("host", wait=30)
    assert asked == ["host", "host"]


@rule("network-deadline")
def test_a_slow_name_server_is_not_waited_for_and_asked_once():
    asked: list[str] = []
    go, done = threading.Event(), threading.Event()

    def resolver(host: str) -> None:
        asked.append(host)
        go.wait(30)
        done.set()

    here = Reachability(resolver=resolver, sources=from_addresses())
    assert [here.look(NAME, wait=0) for _ in range(20)] == [UNKNOWN] * 20
    go.set()
    assert done.wait(30)
    assert here.look(NAME, wait=30).ok is False
    assert asked == [NAME]


@rule("network-deadline")
def test_many_names_are_resolved_by_a_few_threads_and_all_in_the_end():
    go, threads = threading.Event(), set()

    def resolver(host: str) -> list[str]:
        threads.add(threading.get_ident())
        go.wait(30)
        return ["127.0.0.1"]

    here = Reachability(resolver=resolver, sources=from_addresses())
    names = [f"host-{number}" for number in range(100)]
    assert {here.look(name, wait=0) for name in names} == {UNKNOWN}
    go.set()
    assert {here.look(name, wait=30) for name in names} == {NetworkReach(True)}
    assert 1 <= len(threads) <= MOST_AT_ONCE


@rule("network-loopback")
def test_an_address_takes_no_resolver():
    def resolver(host: str) -> list[str]:
        raise AssertionError(host)

    here = Reachability(resolver=resolver, sources=from_addresses())
    assert here.look("https://127.0.45.2:18888", wait=0) == NetworkReach(True)
    assert here.look("10.0.0.9", wait=0).ok is False


@rule("network-deadline")
@pytest.mark.parametrize("error", [OSError("no name server answers"), ValueError("embedded null byte")])
def test_a_name_server_that_fails_decides_nothing(error):
    def resolver(host: str) -> list[str]:
        raise error

    here = Reachability(resolver=resolver, sources=from_addresses())
    assert here.look(NAME, wait=30) == UNKNOWN
    assert here.look("") == here.look(None) == UNKNOWN
