"""Secrets do not show, and trust is per compute."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from jupyter_emr_connect.errors import ConfigurationError
from jupyter_emr_connect.gateway.target import BasicAuth, GatewayTarget, TokenAuth, make_ssl_context


@pytest.mark.parametrize("auth", [BasicAuth("ann", "hidden-secret"), TokenAuth("hidden-secret")])
async def test_a_secret_never_shows(auth: BasicAuth | TokenAuth) -> None:
    target = GatewayTarget("https://host:18888/", None, auth)
    assert "hidden-secret" not in f"{auth!r} {target!r} {auth} {target}"
    assert (await auth.headers())["Authorization"]
    assert target.url == "https://host:18888"


def test_a_context_verifies_certificate_and_host_name() -> None:
    context = make_ssl_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_ca_that_cannot_be_read_is_said_by_its_path(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    for path in (bad, tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match=path.name):
            make_ssl_context(str(path))
