"""Where a gateway is."""

from __future__ import annotations

from jupyter_emr_connect.gateway.target import GatewayTarget


def test_an_address_is_kept_without_its_last_slash() -> None:
    assert GatewayTarget("https://host:18888/prefix/").url == "https://host:18888/prefix"
