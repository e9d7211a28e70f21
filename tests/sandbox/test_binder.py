"""The public Binder of `binder/`: its start script, and its environment built from its files alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import ENGINES, Sandbox, clean_environment
from tests.free_ports import free_port

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what is under version control, as Binder clones it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        target = tmp_path / "clone" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy2(ROOT / name, target)
    return tmp_path / "clone"


def test_the_start_script_attaches_the_examples_and_becomes_its_words(sandbox: Sandbox, clone: Path) -> None:
    program = "import os, subprocess; print(os.getpid()); subprocess.run('jupyter emr status examples --json'.split())"
    with subprocess.Popen(
        [clone / "binder" / "start", sys.executable, "-c", program],
        env=sandbox.env | {"EMR_SANDBOX": sandbox.name},
        stdout=subprocess.PIPE,
        cwd=clone,
        text=True,
    ) as started:
        told = started.communicate()[0]
    assert started.returncode == 0
    own, _, body = told[told.index(f"{started.pid}\n") :].partition("\n")
    (attachment,) = json.loads(body)["items"]
    assert (int(own), attachment["path"]) == (started.pid, str(clone / "examples"))
    assert attachment["compute_name"] == "analytics"
    assert attachment["runtime_role"].endswith(":role/EMRAnalyst")
    assert sandbox.cli("detach", str(clone / "examples")).returncode == 0


def answer(server: subprocess.Popen[bytes], url: str) -> str:
    """Return what a server that is starting answers, once it does."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=60) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError:
            raise
        except OSError:  # it does not listen yet
            time.sleep(0.5)
    pytest.fail(f"JupyterLab has ended with {server.returncode}")


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_its_environment_is_built_from_its_files_and_starts_jupyterlab(clone: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    data = tmp_path / "home" / ".local" / "share" / "jupyter"
    (data / "emr-connect").mkdir(parents=True)
    (data / "emr-connect" / "engines").symlink_to(ENGINES)
    own = {"HOME": str(tmp_path / "home"), "EMR_SANDBOX": f"binder-{os.getpid()}"}
    own["PATH"] = f"{tmp_path / 'venv' / 'bin'}:{os.defpath}"
    env = {name: value for name, value in clean_environment().items() if name != "VIRTUAL_ENV"} | own

    def run(*words: str | Path) -> str:
        done = subprocess.run(
            words, cwd=clone, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    run("python", "-m", "pip", "install", "-q", "-r", "binder/requirements.txt")
    run("binder/postBuild")
    shown = run("jupyter", "labextension", "list")
    assert re.search(r"jupyter_emr_connect v\S+ .*enabled.*OK", shown), shown
    port = free_port()
    lab = [clone / "binder" / "start", "jupyter", "lab", "--no-browser", f"--port={port}", "--IdentityProvider.token=t"]
    try:
        with subprocess.Popen([*lab, *(["--allow-root"] if os.geteuid() == 0 else [])], cwd=clone, env=env) as server:
            try:
                listed = json.loads(answer(server, f"http://127.0.0.1:{port}/jupyter-emr-connect/compute?token=t"))
                assert "analytics" in {row["name"] for row in listed["items"] if row["attachable"]}
                assert "jupyter_emr_connect" in answer(server, f"http://127.0.0.1:{port}/lab?token=t")
            finally:
                server.terminate()
        told = run("binder/start", "jupyter", "emr", "run", "examples/demo.ipynb", "-o", tmp_path / "out.ipynb")
        assert "Ran 4 cells" in told
    finally:
        run("jupyter", "emr", "sandbox", "down", "--name", own["EMR_SANDBOX"])
