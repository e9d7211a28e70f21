"""What takes long once, imports and TLS contexts, is done in threads: not on the server's loop or the gateway loop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.services.attachments.resolution import open_attachments
from tests.free_ports import free_port

KERNELS = Path(__file__).parents[3] / "kernels"
TOKEN = "not-secret"
ANSWERS_WITHIN_S = 120
OTHER_EXTENSIONS = ("jupyter_lsp", "jupyter_server_terminals", "jupyter_server_ydoc", "jupyterlab", "notebook_shim")
# Ours bring the others with them; psutil is imported by jupyter_client as it looks for the machine's addresses.
HEAVY = ("jupyter_emr_connect", "aiohttp", "boto3", "botocore", "psutil", "ssl")

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """The file with what was imported on a loop."""
    return tmp_path / "imported"


@pytest.fixture
def ask(cloud: Any, gateway: Any, tmp_path: Path, notes: Path) -> Iterator[Ask]:
    """Ask a server that has just started, in whose folder one notebook is attached to ``open``."""
    root, state = tmp_path / "root", tmp_path / "state.sqlite"
    root.mkdir()
    (root / "report.ipynb").write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    open_attachments(EMRConnect(state_file=str(state))).put(Attachment("open", path=str(root / "report.ipynb")))
    shutil.copytree(KERNELS / "emr-python", tmp_path / "data" / "kernels" / "emr-python")
    port = free_port()
    words = [
        f"--ServerApp.jpserver_extensions={ {**dict.fromkeys(OTHER_EXTENSIONS, False), 'jupyter_emr_connect': True} }",
        f"--ServerApp.root_dir={root}",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.port={port}",
        f"--EMRConnect.state_file={state}",
        f"--EMRConnect.gateway_port={gateway.port}",
        "--EMRConnect.offer_sandbox=False",
        "--allow-root",
        "--no-browser",
    ]
    log = (tmp_path / "server.log").open("w+")
    program = str(Path(__file__).with_name("server_noting_imports.py"))
    process = subprocess.Popen([sys.executable, program, str(notes), *words], stderr=log, stdout=log, env=os.environ)

    def fetch(verb: str, route: str, body: Any = None) -> tuple[int, str]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/{route}",
            method=verb,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    try:
        _wait_until_it_answers(process, fetch, tmp_path / "server.log")
        yield fetch
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _wait_until_it_answers(process: subprocess.Popen[bytes], fetch: Ask, log: Path) -> None:
    while True:
        assert process.poll() is None, log.read_text()
        try:
            fetch("GET", "api/kernels")
        except OSError:
            time.sleep(0.1)
        else:
            return


@pytest.mark.slow
def test_a_first_start_and_the_first_requests_do_nothing_heavy_on_a_loop(ask: Ask, notes: Path) -> None:
    assert not heavy_in(notes)

    session = {"path": "report.ipynb", "name": "report.ipynb", "type": "notebook", "kernel": {"name": "emr-python"}}
    status, text = ask("POST", "api/sessions", session)  # the small gateway has no kernels, which is said last
    assert "kernel requested" in text, (status, text)
    assert not heavy_in(notes)

    ours = "jupyter-emr-connect"
    made = ask("POST", f"{ours}/attachments", {"path": "report.ipynb", "compute": "open"})
    assert made[0] == 201, made
    one = f"{ours}/attachments/{json.loads(made[1])['id']}"
    for verb, route, body in (
        ("GET", "compute", None),
        ("GET", "identity", None),
        ("GET", "kernels", None),
        ("GET", "runtime-roles", None),
        ("GET", "attachments", None),
        ("GET", "backups/status", None),
    ):
        assert ask(verb, f"{ours}/{route}", body)[0] == 200, route
    assert ask("PATCH", one, {"transport": "gateway"})[0] == 200
    assert ask("DELETE", one)[0] == 204
    assert ask("GET", "api/contents/report.ipynb")[0] == 200
    assert not heavy_in(notes)


def heavy_in(notes: Path) -> list[str]:
    """Return what was done on a loop and should not have been."""
    return [name for name in notes.read_text().split() if name.split(".")[0] in HEAVY]
