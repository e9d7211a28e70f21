"""Trust is per compute, and certificate and host name are verified."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from jupyter_emr_connect.errors import ConfigurationError
from jupyter_emr_connect.http.tls import make_ssl_context


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
