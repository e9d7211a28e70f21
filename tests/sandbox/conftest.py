"""What tests of the engines themselves stand on."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_emr_connect.sandbox.engines.install import ensure_installed
from jupyter_emr_connect.sandbox.engines.layout import Installation
from tests.conftest import ENGINES, Sandbox
from tests.sandbox.doors import Door, entered, with_kernel


@pytest.fixture(scope="session")
def installed(livy_home: Path | None) -> Installation:
    """The engines that all sandboxes of this machine share; installed now if need be."""
    return ensure_installed(lambda *_: None, root=ENGINES, livy_home=livy_home)


@pytest.fixture
def cold_and_impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let uv find nothing in its cache, and try downloads once only."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")


@pytest.fixture
def kernel(sandbox: Sandbox, jp_asyncio_loop: Any) -> Iterator[tuple[Door, str]]:
    """A Python kernel on the cluster without runtime roles, where nothing stands in the way of the faults."""
    yield from entered(jp_asyncio_loop, with_kernel(sandbox))


@pytest.fixture
def on_gateway(sandbox: Sandbox) -> Iterator[Callable[[], set[str]]]:
    """Ask the gateway of `open` which kernels it has that were not there before; at the end there are none."""
    url = f"{sandbox.compute('open')['gateway_url']}/api/kernels"

    def kernels() -> set[str]:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return {model["id"] for model in json.load(answer)}

    before = kernels()
    yield lambda: kernels() - before
    assert kernels() <= before
