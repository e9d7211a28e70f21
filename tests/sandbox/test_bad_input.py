"""Everything that can be wrong with a cluster, met by ``jupyter emr run``: a line or two, exit code 1, nothing left."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from tests.conftest import Sandbox
from tests.sandbox.notebooks import printed, write_notebook

pytestmark = pytest.mark.sandbox

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"
# Short deadlines, so that black holes do not take the time that a far network may need.
QUICK = {"connect_timeout": 2.0, "credentials_timeout": 4.0, "launch_timeout": 20.0, "ready_timeout": 10.0}


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return write_notebook(tmp_path / "n.ipynb", "emr-python", "print(6 * 7)")


@pytest.fixture
def run(sandbox: Sandbox, notebook: Path, tmp_path: Path) -> Iterator[Any]:
    """``run("--compute", …, settings={…}).failed_with(words)``; nothing may be left on gateway or in the ledger."""
    folder = tmp_path / "settings"
    folder.mkdir()

    def call(*words: str, settings: dict[str, Any] | None = None, path: Path = notebook, **env: str) -> Failure:
        body = {"EMRConnect": {**QUICK, **(settings or {})}}
        (folder / "jupyter_emr_connect_config.json").write_text(json.dumps(body))
        paths = f"{folder}:{sandbox.env['JUPYTER_CONFIG_PATH']}"
        began = time.monotonic()
        done = sandbox.cli("run", str(path), *words, **{"JUPYTER_CONFIG_PATH": paths, **env})
        return Failure(done, time.monotonic() - began)

    before = kernels_on(sandbox)
    known = {row["kernel_id"] for row in sandbox.json("kernels", "--no-check")["items"]}
    yield call
    sandbox.cli("sandbox", "fault", "--off", "--name", sandbox.name)
    rows = [row for row in sandbox.json("kernels", "--no-check")["items"] if row["state"] != "gone"]
    assert {row["kernel_id"] for row in rows} <= known
    assert kernels_on(sandbox) <= before


def kernels_on(sandbox: Sandbox) -> set[str]:
    url = f"{sandbox.compute('open')['gateway_url']}/api/kernels"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return {model["id"] for model in json.load(answer)}


class Failure:
    """A run that has to have failed as a user should see it."""

    def __init__(self, done: subprocess.CompletedProcess[str], seconds: float) -> None:
        self.done = done
        self.seconds = seconds

    def failed_with(self, *words: str) -> Failure:
        said = self.done.stderr
        assert self.done.returncode == 1, (self.done.returncode, said)
        assert "Traceback" not in said
        error = said[said.index("Error: ") :]
        assert len(error.strip().splitlines()) <= 2, error
        for word in words:
            assert word in error, error
        return self


def test_port_closed(run: Any, sandbox: Sandbox) -> None:
    sandbox.fault("no-gateway", "--compute", "open")
    run("--compute", "open").failed_with("Stage 'gateway'", "18888", "refused the connection", "security group")


def test_port_black_holed(run: Any, sandbox: Sandbox) -> None:
    sandbox.fault("black-hole", "--compute", "open")
    failure = run("--compute", "open").failed_with("Stage 'gateway'", "did not answer in time")
    assert failure.seconds < 30


def test_gateway_that_answers_html(run: Any, sandbox: Sandbox) -> None:
    sandbox.fault("html", "--compute", "open")
    run("--compute", "open").failed_with("no Jupyter Enterprise Gateway", "text/html")


def test_certificate_not_trusted(run: Any) -> None:
    settings = {"certificate_authorities": {"j-SANDBOXANALYTICS0": "/etc/ssl/certs/ca-certificates.crt"}}
    words = ("--compute", "analytics", "--runtime-role", ROLE)
    run(*words, settings=settings).failed_with("not trusted", "EMRConnect.certificate_authorities")


def test_certificate_for_another_host(run: Any, sandbox: Sandbox) -> None:
    sandbox.fault("bad-certificate", "--compute", "analytics")
    run("--compute", "analytics", "--runtime-role", ROLE).failed_with("issued for another host")


@pytest.mark.parametrize("content", [None, "this is no PEM"])
def test_certificate_authority_that_cannot_be_read(run: Any, tmp_path: Path, content: str | None) -> None:
    pem = tmp_path / "ca.pem"
    if content:
        pem.write_text(content)
    settings = {"certificate_authorities": {"j-SANDBOXANALYTICS0": str(pem)}}
    words = ("--compute", "analytics", "--runtime-role", ROLE)
    run(*words, settings=settings).failed_with("ca.pem", "EMRConnect.certificate_authorities")


def test_kernelspec_missing_there(run: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "share" / "kernels" / "emr-cobol"
    folder.mkdir(parents=True)
    provisioner = {"provisioner_name": "emr-connect", "config": {"candidates": ["cobolkernel"]}}
    spec = {"argv": [], "display_name": "COBOL", "language": "cobol", "metadata": {"kernel_provisioner": provisioner}}
    (folder / "kernel.json").write_text(json.dumps(spec))
    failure = run("--compute", "open", "--kernel", "emr-cobol", JUPYTER_PATH=str(tmp_path / "share"))
    failure.failed_with("does not offer the kernel", "cobolkernel", "python3")


@contextlib.contextmanager
def dying_kernels(sandbox: Sandbox) -> Iterator[None]:
    """Let every Python kernel of the cluster `open` die as IPython reads its start-up files."""
    runtime = Path(sandbox.env["JUPYTER_RUNTIME_DIR"])
    home = runtime / "emr-connect" / "sandbox" / sandbox.name / "engines" / "open" / "gateway" / "home"
    script = home / ".ipython" / "profile_default" / "startup" / "00-die.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("import os\nos._exit(1)\n")
    try:
        yield
    finally:
        script.unlink()


def test_kernel_that_dies_while_starting(run: Any, sandbox: Sandbox) -> None:
    with dying_kernels(sandbox):
        run("--compute", "open").failed_with("Stage 'kernel ready'")


@contextlib.contextmanager
def in_first_cell(sandbox: Sandbox, *command: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Start a run and yield it, with its standard error, once its first cell is running."""
    with subprocess.Popen(command, env=sandbox.env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if line.startswith("cell 1/"):
                break
        yield process, process.stderr


def test_pair_that_expires_between_fetch_and_use_is_renewed(sandbox: Sandbox, run: Any, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    wait = f"import os, time\nprint('waiting')\nwhile not os.path.exists({str(flag)!r}):\n    time.sleep(0.1)"
    path = write_notebook(tmp_path / "long.ipynb", "emr-python", wait, "print('went on')")
    command = ["jupyter-emr", "run", str(path), "--compute", "analytics", "--runtime-role", ROLE]
    with in_first_cell(sandbox, *command) as (process, stderr):
        sandbox.fault("expire-pairs", "--compute", "analytics")
        sandbox.fault("cut-sockets", "--compute", "analytics")
        flag.touch()
        stderr.read()
        assert process.wait(120) == 0
    assert "went on" in printed(tmp_path / "long.out.ipynb")[1]


def test_gateway_killed_in_a_cell(run: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "long.ipynb", "emr-python", "import time\ntime.sleep(600)")
    with in_first_cell(sandbox, "jupyter-emr", "run", str(path), "--compute", "open") as (process, stderr):
        sandbox.fault("kill-gateway", "--compute", "open")
        said = stderr.read()
        assert process.wait(120) == 1
    assert "Traceback" not in said
    assert "Error: " in said
