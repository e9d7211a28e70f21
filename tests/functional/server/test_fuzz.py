"""Requests made from ``openapi.yaml`` by schemathesis, at a real server before the emulated AWS: never a 5xx."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.free_ports import free_port

TOKEN = "not-secret"


@pytest.fixture
def server(cloud, gateway, tmp_path):
    """A Jupyter server in a process of its own; yields the address of our routes."""
    root = tmp_path / "root"
    (root / "work").mkdir(parents=True)
    (root / "work" / "report.ipynb").write_text("{}")
    words = [
        "--ServerApp.jpserver_extensions={'jupyter_emr_connect': True, 'jupyter_server_ydoc': False}",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.port={free_port()}",  # not 0: older servers do not say which port that became
        "--ServerApp.base_url=/a/b/",
        f"--EMRConnect.gateway_port={gateway.port}",
        "--EMRConnect.offer_sandbox=False",
        "--allow-root",
        "--no-browser",
    ]
    log = (tmp_path / "server.log").open("w+")
    process = subprocess.Popen([sys.executable, "-m", "jupyter_server", *words], stderr=log, stdout=log)
    try:
        yield f"{_address(process, tmp_path)}jupyter-emr-connect"
    finally:
        process.terminate()
        process.wait(20)
        log.close()
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def _address(process, tmp_path) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, (tmp_path / "server.log").read_text()
        for line in (tmp_path / "server.log").read_text().splitlines():
            if "http://127.0.0.1:" in line:
                return "http://127.0.0.1:" + line.split("http://127.0.0.1:")[1].split("?")[0]
        time.sleep(0.1)
    raise AssertionError((tmp_path / "server.log").read_text())


@pytest.mark.slow
def test_no_request_makes_the_server_fail(server):
    from tests.functional.server.fuzz import Fuzz  # schemathesis takes a second and a half in each process

    fuzz = Fuzz(server, TOKEN)
    fuzz.run_all()
    assert max(fuzz.seen) < 500, fuzz.seen
    assert {200, 201, 204, 400, 404} <= set(fuzz.seen), fuzz.seen  # it got to the ends, good and bad
    assert fuzz.seen.total() > 100, fuzz.seen
