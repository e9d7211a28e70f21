"""Jupyter's own command-line clients and libraries run our kernels as local ones, and leave nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pexpect
import pytest

from jupyter_emr_connect.livy.session import lost_by_race
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to
from tests.sandbox.notebooks import printed, write_notebook

pytestmark = pytest.mark.sandbox


def asked(sandbox: Sandbox, port: str, path: str) -> Any:
    with urllib.request.urlopen(f"{sandbox.compute('open')[port]}{path}", timeout=60) as answer:
        return json.load(answer)


def left(sandbox: Sandbox) -> tuple[set[str], set[int]]:
    kernels = {model["id"] for model in asked(sandbox, "gateway_url", "/api/kernels")}
    sessions = {one["id"] for one in asked(sandbox, "livy_url", "/sessions")["sessions"]}
    return kernels, sessions


@pytest.fixture(autouse=True)
def nothing_left(sandbox: Sandbox) -> Iterator[None]:
    """Attach this process to `open`; at the end its gateway and its Livy have no more than before."""
    before = left(sandbox)
    with attached_to(sandbox, "open"):
        yield
    kernels, sessions = left(sandbox)
    assert kernels <= before[0]
    assert sessions <= before[1]


def client(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def notebook(path: Path) -> Path:
    """A notebook with a parameter, a stream, a result and a rich output."""
    rich = "from IPython.display import HTML, display; display(HTML(f'<b>{n}</b>')); n + 1"
    return write_notebook(path, "emr-python", "# parameters\nn = 1", "print('n is', n)", rich)


def test_jupyter_console_in_a_terminal(sandbox: Sandbox) -> None:
    """Through a terminal of its own: output, ``input()``, an error, Ctrl-C in a cell, and the end by Ctrl-D."""
    words = ["console", "--kernel", "emr-python", "--simple-prompt"]
    with pexpect.spawn("jupyter", words, encoding="utf-8", timeout=60, env={**os.environ, "TERM": "dumb"}) as terminal:
        terminal.expect("kernel ready")
        terminal.expect_exact("In [1]: ")
        terminal.sendline("print(6 * 7); name = input('who? ')")
        terminal.expect("42\r\n")
        terminal.expect_exact("who? ")
        terminal.sendline("Ann")
        terminal.expect_exact("In [2]: ")
        terminal.sendline("print('hello', name); 1/0")
        terminal.expect("hello Ann\r\n")
        terminal.expect("ZeroDivisionError")
        terminal.expect_exact("In [3]: ")
        terminal.sendline("import time; print('on', flush=True); time.sleep(100)")
        terminal.expect("on\r\n")
        terminal.sendintr()
        terminal.expect("KeyboardInterrupt", timeout=60)
        terminal.expect_exact("In [4]: ")
        terminal.sendeof()
        terminal.expect_exact("Do you really want to exit")
        terminal.sendline("y")
        terminal.expect(pexpect.EOF)
    assert terminal.exitstatus == 0


def test_jupyter_console_on_spark(sandbox: Sandbox) -> None:
    cells = "print(sc.parallelize(range(5)).sum())\nprint(spark.sparkContext.sparkUser())\nexit\n"
    command = ["jupyter", "console", "--kernel", "emr-pyspark", "--simple-prompt"]
    for _ in range(2):
        done = subprocess.run(command, input=cells, capture_output=True, text=True, timeout=150)
        assert done.returncode == 0, done.stderr
        if not lost_by_race(done.stderr.splitlines()):  # sparkmagic then wants its kernel to be started again
            break
    assert "10" in done.stdout
    assert "hadoop" in done.stdout
    assert "FloatProgress" not in done.stdout  # a console shows no widgets, as little as papermill does


def test_jupyter_run(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("print(6 * 7)\n")
    assert client("jupyter", "run", "--kernel", "emr-python", str(script)) == "42\n"


def test_jupyter_execute_and_papermill_name_no_notebook_and_run_on_their_folders_compute(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EMR_CONNECT_COMPUTE")
    (tmp_path / "work").mkdir()
    path = notebook(tmp_path / "work" / "n.ipynb")
    monkeypatch.chdir(tmp_path)
    assert sandbox.cli("attach", "open", str(path.parent)).returncode == 0
    try:
        client("jupyter", "execute", "--inplace", "work/n.ipynb")  # which is nbclient's
        assert printed(path)[1:] == ["n is 1\n", "<IPython.core.display.HTML object><b>1</b>2"]
        ran = nbformat.read(path, as_version=4)
        assert ran.cells[1].execution_count == 2
        assert ran.metadata["language_info"]["name"] == "python"
        refused = subprocess.run(["papermill", "work/n.ipynb", "o.ipynb"], capture_output=True, text=True, timeout=60)
        assert refused.returncode != 0
        assert f"launched, {tmp_path}, is not attached" in refused.stderr
    finally:
        sandbox.cli("detach", str(path.parent))


def test_papermill_with_a_parameter(tmp_path: Path) -> None:
    ran = tmp_path / "ran.ipynb"
    papermill.execute_notebook(notebook(tmp_path / "n.ipynb"), ran, parameters={"n": 7}, progress_bar=False)
    assert printed(ran)[2:] == ["n is 7\n", "<IPython.core.display.HTML object><b>7</b>8"]


def test_papermill_ends_its_kernel_when_a_cell_fails(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", "1/0", "print('never')")
    with pytest.raises(papermill.PapermillExecutionError, match="ZeroDivisionError"):
        papermill.execute_notebook(path, tmp_path / "ran.ipynb", progress_bar=False)
    assert "ZeroDivisionError" in "".join(printed(tmp_path / "ran.ipynb"))
