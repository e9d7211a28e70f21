"""Reach, asked of this machine's own resolver and routing table."""

from __future__ import annotations

import socket

import pytest

from jupyter_emr_connect.services.compute.eligibility import NetworkReach, Reachability, reach_of
from jupyter_emr_connect.services.compute.eligibility.network import own_sources, resolve


def test_loopback_is_in_reach():
    assert resolve("localhost")
    for address in ("localhost", "127.0.45.2", "https://127.0.45.2:18888/api"):
        assert reach_of(address) == NetworkReach(True)


def test_the_routing_table_names_our_address_and_nothing_is_sent():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.45.9", 0))
        ear.setblocking(False)
        (source,) = own_sources(["127.0.45.9"], ear.getsockname()[1])
        assert source.startswith("127.")
        with pytest.raises(BlockingIOError):
            ear.recv(1)


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "x..y", "nul\0.example", "bad name.invalid", "ü" * 300])
def test_what_is_no_name_is_answered_and_not_raised(name):
    assert Reachability().look(name, wait=30).ok in (False, None)
