"""By which proxy a URL is reached: what the environment says, but for this machine and for hosts with a route."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.http.proxies import ignored_proxy, proxy_for, proxy_host

LIVY = "https://app.livy.example.com/sessions"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, LIVY, None),
        ({"HTTPS_PROXY": "http://p:3128"}, LIVY, "http://p:3128"),
        ({"https_proxy": "p:3128"}, LIVY, "http://p:3128"),
        ({"ALL_PROXY": "http://p:3128"}, "wss://gateway.example.com:18888/api", "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:3128"}, "http://livy.example.com:8998", None),
        ({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": ".example.com"}, LIVY, None),
        ({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "app.livy.example.com:443"}, LIVY, None),
        ({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "app.livy.example.com:8443"}, LIVY, "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "*"}, LIVY, None),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://127.9.9.9:18888", None),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://[::1]:18888", None),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://localhost:18888", None),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://routed.internal:8998", None),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://routed.internal:443", "http://p:3128"),
        ({"HTTPS_PROXY": "socks5h://p:1080"}, LIVY, None),
    ],
)
def test_a_url_is_reached_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url, {"routed.internal:8998": "localhost:1"}) == proxy


def test_a_proxy_of_another_kind_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ignored_proxy(LIVY, {}) == ""
    monkeypatch.setenv("ALL_PROXY", "socks5h://p:1080")
    assert ignored_proxy(LIVY, {}) == "socks5h"
    monkeypatch.setenv("HTTPS_PROXY", "http://p:3128")
    assert ignored_proxy(LIVY, {}) == ""


def test_the_password_of_a_proxy_is_not_shown() -> None:
    assert proxy_host("http://ann:s3cret@p:3128") == "p:3128"
