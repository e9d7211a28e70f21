"""Requests made from ``openapi.yaml`` by schemathesis, at a real server before the emulated AWS: never a 5xx."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections import Counter
from itertools import count
from urllib.parse import urlencode

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.functional.server.specification import specification

TOKEN = "not-secret"
LONGEST_URL = 60_000  # at 64 KiB tornado hangs up, before anything of ours is asked
EXAMPLES = {GenerationMode.POSITIVE: 6, GenerationMode.NEGATIVE: 12}  # of each operation; good ones go on to AWS


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
        f"--ServerApp.port={_free_port()}",  # not 0: older servers do not say which port that became
        "--ServerApp.base_url=/a/b/",
        f"--EMRConnect.gateway_port={gateway.port}",
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _address(process, tmp_path) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, (tmp_path / "server.log").read_text()
        for line in (tmp_path / "server.log").read_text().splitlines():
            if "http://127.0.0.1:" in line:
                return "http://127.0.0.1:" + line.split("http://127.0.0.1:")[1].split("?")[0]
        time.sleep(0.1)
    raise AssertionError((tmp_path / "server.log").read_text())


class Fuzz:
    """One session at the server; ``seen`` counts the answers by status."""

    def __init__(self, url: str) -> None:
        self.schema = schemathesis.openapi.from_dict(specification())
        self.schema.config.update(base_url=url)
        self.url = url
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"token {TOKEN}"
        self.seen: Counter[int] = Counter()

    def attach(self) -> str:
        """Make an attachment as a user does; returns its id."""
        sent = {"compute": "open", "path": "work/report.ipynb"}
        answer = self.http.post(f"{self.url}/attachments", json=sent, timeout=30)
        self.seen[answer.status_code] += 1
        return answer.json()["id"]

    def send(self, case) -> None:
        """Send a case and hold the answer against the description."""
        if len(urlencode(case.query or {}, doseq=True)) > LONGEST_URL:
            return
        response = case.call(session=self.http)
        self.seen[response.status_code] += 1
        case.validate_response(
            response, checks=[not_a_server_error, status_code_conformance, response_schema_conformance]
        )

    def run(self, operation, mode) -> None:
        """Send cases of an operation; those with an id ask for one that exists every other time."""
        numbers = count()
        known = self.attach() if operation.path.startswith("/attachments/") else ""

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES[mode],
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def run(case):
            if known and next(numbers) % 2:
                case.path_parameters["id"] = known
            self.send(case)

        run()


@pytest.mark.slow
def test_no_request_makes_the_server_fail(server):
    fuzz = Fuzz(server)
    for result in fuzz.schema.get_all_operations():
        operation = result.ok()
        takes = operation.body or operation.query  # a path parameter is always text, so it cannot be wrong
        for mode in GenerationMode:
            if takes or mode is GenerationMode.POSITIVE:
                fuzz.run(operation, mode)
    assert max(fuzz.seen) < 500, fuzz.seen
    assert {200, 201, 204, 400, 404} <= set(fuzz.seen), fuzz.seen  # it got to the ends, good and bad
    assert fuzz.seen.total() > 100, fuzz.seen
