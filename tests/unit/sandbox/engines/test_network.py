"""Proxies and CA bundles in Java's words."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.sandbox.engines.network import proxy_arguments


@pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "proxy.example:3128", "http://proxy.example:3128/"])
def test_a_proxy_is_split_into_host_and_port(proxy: str) -> None:
    assert proxy_arguments({"https": proxy}) == ["-Dhttps.proxyHost=proxy.example", "-Dhttps.proxyPort=3128"]


def test_without_a_proxy_nothing_is_set() -> None:
    assert proxy_arguments({"no": "localhost"}) == []


def test_a_proxy_for_all_schemes_serves_both() -> None:
    hosts = [word for word in proxy_arguments({"all": "http://p:1"}) if "Host" in word]
    assert hosts == ["-Dhttps.proxyHost=p", "-Dhttp.proxyHost=p"]


def test_user_and_password_are_decoded_and_allowed_for_tunnels() -> None:
    arguments = proxy_arguments({"https": "http://us%40er:pass%20word@proxy:8080"})
    assert "-Dhttp.proxyUser=us@er" in arguments
    assert "-Dhttp.proxyPassword=pass word" in arguments
    assert "-Djdk.http.auth.tunneling.disabledSchemes=" in arguments


def test_hosts_without_proxy_get_javas_patterns() -> None:
    arguments = proxy_arguments({"https": "http://p:1", "no": "localhost, .example.com,10.0.0.1"})
    assert arguments[-1] == "-Dhttp.nonProxyHosts=localhost|*.example.com|10.0.0.1"
