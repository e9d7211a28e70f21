"""Notebooks that ``jupyter emr run`` refuses before anything starts, and how it writes files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import reads
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_notebook, writes
from traitlets.config import Config

from jupyter_emr_connect.cli.notebooks import Output, choose_kernel, trust
from jupyter_emr_connect.errors import NotebookError


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "n.ipynb"
    kernel = {"name": "emr-python", "display_name": "x", "language": "python"}
    path.write_text(writes(new_notebook(cells=[new_code_cell("1")], metadata={"kernelspec": kernel})))
    return path


def test_there_is_no_notebook(emr):
    emr("run", "none.ipynb", "--compute", "open").failed_with("There is no notebook 'none.ipynb'")


@pytest.mark.parametrize("content", [b"", b"print(1)", b"\xff\xfe\x00", b"{", b"\x00" * 10])
def test_not_json(emr, notebook, content):
    notebook.write_bytes(content)
    emr("run", str(notebook), "--compute", "open").failed_with(str(notebook))


@pytest.mark.parametrize(
    "body",
    [[], 1, None, {}, {"nbformat": 4}, {"nbformat": 99, "cells": []}, {"nbformat": 4, "nbformat_minor": 5, "cells": 3,
     "metadata": {}}, {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "nonsense"}]}],
)  # fmt: skip
def test_json_but_no_notebook(emr, notebook, body):
    notebook.write_text(json.dumps(body))
    emr("run", str(notebook), "--compute", "open").failed_with("not a valid notebook")


def test_a_folder(emr, tmp_path):
    emr("run", str(tmp_path), "--compute", "open").failed_with("cannot be read")


def test_unknown_kernel(emr, notebook):
    emr("run", str(notebook), "--compute", "open", "--kernel", "nosuch").failed_with("There is no kernel 'nosuch'")


@pytest.mark.slow
def test_our_kernelspecs_missing_is_not_said_to_be_an_unknown_kernel(emr, notebook, tmp_path):
    code = (
        "import jupyter_client.kernelspec as k, sys\n"
        "k.KernelSpecManager.kernel_dirs = []\n"
        "from jupyter_emr_connect.cli.main import run_cli\n"
        "sys.exit(run_cli(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", code, "run", str(notebook), "--compute", "open"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "'emr-python' of jupyter_emr_connect is not installed" in done.stderr
    assert "pip install --force-reinstall" in done.stderr


def test_output_in_a_folder_that_is_not_there(emr, notebook):
    words = ("-o", str(notebook.parent / "none" / "o.ipynb"))
    emr("run", str(notebook), "--compute", "open", *words).failed_with("cannot be written", "there is no folder")


def test_output_that_is_a_folder(emr, notebook, tmp_path):
    emr("run", str(notebook), "--compute", "open", "-o", str(tmp_path)).failed_with("it is a folder")


def test_nothing_attached(emr, notebook):
    emr("run", str(notebook)).failed_with("is not attached to a compute", "jupyter emr attach")


def test_malformed_role(emr, notebook):
    done = emr("run", str(notebook), "--compute", "analytics", "--runtime-role", "role/me")
    done.failed_with("'role/me' is neither the ARN nor the name")


def test_failing_early_writes_no_output(emr, notebook):
    emr("run", str(notebook), "--compute", "analytics", "--runtime-role", "me")
    assert not notebook.with_name("n.out.ipynb").exists()


def test_a_kernel_of_this_machine_is_refused(cloud, tmp_path, monkeypatch):
    spec = tmp_path / "share" / "kernels" / "mine"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text('{"argv": ["x"], "display_name": "Mine", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    with pytest.raises(NotebookError, match="runs on this machine"):
        choose_kernel(new_notebook(), "mine")


def test_a_notebook_that_names_no_kernel():
    with pytest.raises(NotebookError, match="names no kernel"):
        choose_kernel(new_notebook(), None)


def test_written_as_a_whole_with_mode_and_link_kept(tmp_path):
    real = tmp_path / "real.ipynb"
    real.write_text("old")
    real.chmod(0o640)
    link = tmp_path / "link.ipynb"
    link.symlink_to(real)
    Output(link).write(new_notebook())
    assert link.is_symlink()
    assert json.loads(real.read_text())["nbformat"] == 4
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.ipynb", "real.ipynb"]


@pytest.mark.parametrize("kept", ["data", "configured"])
def test_a_signed_text_is_trusted_where_jupyter_keeps_its_signatures(tmp_path, monkeypatch, kept):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / kept).mkdir()
    config = Config(NotebookNotary={"data_dir": str(tmp_path / "configured")} if kept == "configured" else {})
    text = writes(new_notebook(cells=[new_code_cell("1")]))
    assert trust(text, config) is None
    notary = NotebookNotary(data_dir=str(tmp_path / kept))
    assert notary.check_signature(reads(text, as_version=4))
    assert not notary.check_signature(reads(text.replace('"1"', '"2"'), as_version=4))
    notary.store.close()


def test_signatures_that_cannot_be_kept_do_not_fail_the_run(tmp_path):
    config = Config(NotebookNotary={"data_dir": str(tmp_path), "secret_file": str(tmp_path / "none" / "secret")})
    assert "none" in (trust(writes(new_notebook()), config) or "")
