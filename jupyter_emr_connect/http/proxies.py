"""HTTP proxies as the environment names them (``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``).

aiohttp's own ``trust_env`` is not used: it also takes credentials from ``~/.netrc`` in place of ours.
"""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from .resolver import Routes, route_of

DEFAULT_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, routes: Routes) -> str | None:
    """Return the URL of the HTTP proxy by which a URL is to be reached; None where it is reached directly.

    That is so for this machine, for hosts in ``NO_PROXY``, for hosts with a route of their own, and where the proxy is
    none for HTTP (:func:`ignored_proxy`).
    """
    proxy = _named_proxy(url, routes)
    return proxy if proxy and urlsplit(proxy).scheme in ("http", "https") else None


def ignored_proxy(url: str, routes: Routes) -> str:
    """Return the kind of a proxy that the environment names for a URL and that cannot be used; empty for none."""
    proxy = _named_proxy(url, routes)
    scheme = urlsplit(proxy).scheme if proxy else ""
    return "" if scheme in ("", "http", "https") else scheme


def proxy_host(proxy: str) -> str:
    """Return a proxy's host and port, without the user name and password that its URL may have."""
    return urlsplit(proxy).netloc.rpartition("@")[2]


def _named_proxy(url: str, routes: Routes) -> str | None:
    parts = urlsplit(url)
    host, scheme = parts.hostname or "", {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    port = parts.port or DEFAULT_PORTS.get(scheme, 0)
    proxies = getproxies_environment()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or _is_here(host) or route_of(host, port, routes) != (host, port):
        return None
    if proxy_bypass(f"{host}:{port}") or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_here(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost" or host.lower().endswith(".localhost")
