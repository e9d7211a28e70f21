"""No secret in argv, environments, files or logs: all of them are searched while a kernel runs."""

from __future__ import annotations

import configparser
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

from jupyter_emr_connect.models import BasicPair
from tests.conftest import Sandbox

pytestmark = pytest.mark.sandbox


def process_texts() -> Iterator[tuple[str, bytes]]:
    """Yield the command line and the environment of every process that we may read."""
    for process in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                yield f"{process}/{name}", (process / name).read_bytes()
            except OSError:
                continue


def file_texts(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every regular file below the folders, the engines' own code left out."""
    for folder in folders:
        for where, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if name not in ("engines", "site-packages", "node_modules")]
            for name in names:
                path = Path(where) / name
                if path.is_file() and path.stat().st_size < 50_000_000:
                    yield str(path), path.read_bytes()


def test_no_secret_is_found_anywhere_while_a_kernel_runs(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in sandbox.env.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("EMR_CONNECT_COMPUTE", "analytics")
    monkeypatch.setenv("EMR_CONNECT_RUNTIME_ROLE", next(a for a in sandbox.status["roles"] if a.endswith("EMRAnalyst")))
    manager, client = start_new_kernel(kernel_name="emr-pyspark", startup_timeout=120)
    try:
        reply = client.execute_interactive("sc.parallelize(range(10), 1).count()", timeout=120)
        assert reply["content"]["status"] == "ok"
        passwords = {thing.password for thing in gc.get_objects() if isinstance(thing, BasicPair)}
        assert passwords, "the kernel was started without a pair"
        profiles = Path(sandbox.env["AWS_SHARED_CREDENTIALS_FILE"])
        parser = configparser.ConfigParser()
        parser.read(profiles)
        keys = {section["aws_secret_access_key"] for section in map(parser.__getitem__, parser.sections())}
        places = [
            *process_texts(),
            *file_texts(Path(sandbox.env["JUPYTER_DATA_DIR"]).parent, tmp_path, Path.home() / ".sparkmagic"),
        ]
        assert len(places) > 50
        found = [place for place, text in places if any(secret.encode() in text for secret in passwords)]
        found += [
            place
            for place, text in places
            if Path(place) != profiles and any(secret.encode() in text for secret in keys)
        ]
        assert found == []
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
