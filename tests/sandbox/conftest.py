"""What tests of the engines themselves stand on."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_emr_connect.sandbox.engines.install import ensure_installed
from jupyter_emr_connect.sandbox.engines.layout import Installation
from tests.conftest import ENGINES


@pytest.fixture(scope="session")
def installed() -> Installation:
    """The engines that all sandboxes of this machine share; installed now if need be."""
    return ensure_installed(lambda *_: None, root=ENGINES)


@pytest.fixture
def cold_and_impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv find nothing in its cache, and try downloads once only."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
