"""Credentials on a request: put where the server looks for them, made from the whole request, never shown."""

from __future__ import annotations

import hashlib

import pytest

from jupyter_emr_connect.gateway.target import GatewayTarget
from jupyter_emr_connect.http.auth import Auth, BasicAuth, FixedAuth, HTTPRequest, NoAuth, TokenAuth

REQUEST = HTTPRequest("POST", "https://host:18888/api/kernels", {"Accept": "application/json"}, b'{"name": "x"}')


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (BasicAuth("ann", "hidden-secret"), "Basic YW5uOmhpZGRlbi1zZWNyZXQ="),
        (TokenAuth("hidden-secret"), "token hidden-secret"),
    ],
)
async def test_a_secret_is_sent_and_never_shows(auth: Auth, header: str) -> None:
    target = GatewayTarget("https://host:18888/", None, auth)
    prepared = await auth.prepare(REQUEST)
    assert prepared == REQUEST.with_header("Authorization", header)
    assert prepared.headers["Accept"] == "application/json"
    for shown in (f"{auth!r} {target!r} {auth} {target}", repr(prepared), str(prepared)):
        assert "hidden-secret" not in shown
        assert header not in shown


async def test_without_credentials_a_request_is_sent_as_it_is() -> None:
    assert await NoAuth().prepare(REQUEST) is REQUEST


async def test_who_signs_sees_method_url_headers_and_body() -> None:
    class Signing(FixedAuth):
        async def prepare(self, request: HTTPRequest) -> HTTPRequest:
            text = [request.method, request.url, *sorted(request.headers.values()), request.body.decode()]
            return request.with_header("Signature", hashlib.sha256("\n".join(text).encode()).hexdigest())

    auth: Auth = Signing()
    several = [
        REQUEST,
        HTTPRequest("PUT", REQUEST.url, REQUEST.headers, REQUEST.body),
        HTTPRequest("POST", f"{REQUEST.url}?x=1", REQUEST.headers, REQUEST.body),
        HTTPRequest("POST", REQUEST.url, {"Accept": "text/plain"}, REQUEST.body),
        HTTPRequest("POST", REQUEST.url, REQUEST.headers, b"{}"),
    ]
    assert len({(await auth.prepare(request)).headers["Signature"] for request in several}) == len(several)
