"""What the kernel's process makes of its connection file and of the kernelspec that it is asked to be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.connect import write_connection_file

from jupyter_emr_connect.errors import ConfigurationError
from jupyter_emr_connect.provisioning.process import provisioner_of, read_connection_file

KERNELS = Path(__file__).parents[3] / "kernels"
NAMES = ("emr-pyspark", "emr-spark", "emr-sparkr", "emr-python")


def test_a_connection_file_as_jupyter_writes_it(tmp_path: Path) -> None:
    name, info = write_connection_file(str(tmp_path / "k.json"), key=b"k", kernel_name="emr-python")
    address = read_connection_file(Path(name))
    assert address["key"] == "k"
    assert address["shell_port"] == info["shell_port"]
    assert (address["ip"], address["signature_scheme"]) == ("127.0.0.1", "hmac-sha256")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"shell_port": null}', '{"shell_port": 1, "iopub_port": 2}'])
def test_other_files_are_refused_in_plain_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "k.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"k\.json' is no connection file of Jupyter"):
        read_connection_file(tmp_path / "k.json")
    with pytest.raises(ConfigurationError, match=r"missing' is no connection file of Jupyter \(FileNotFoundError"):
        read_connection_file(tmp_path / "missing")


def test_another_transport_than_tcp_is_refused(tmp_path: Path) -> None:
    name, _ = write_connection_file(str(tmp_path / "k.json"), ip=str(tmp_path / "k"), transport="ipc")
    with pytest.raises(ConfigurationError, match="transport 'ipc'"):
        read_connection_file(Path(name))


@pytest.mark.parametrize("name", NAMES)
def test_each_kernelspec_starts_itself_as_a_process(name: str) -> None:
    spec = json.loads((KERNELS / name / "kernel.json").read_text())
    words = ["python", "-m", "jupyter_emr_connect.kernel", "-f", "{connection_file}", "--kernel", name]
    assert spec["argv"] == words
    assert provisioner_of(name).candidates == spec["metadata"]["kernel_provisioner"]["config"]["candidates"]


@pytest.mark.parametrize("name", NAMES)
def test_python_3_comes_before_ours_where_jupyterlab_proposes_the_first(name: str) -> None:
    """For a notebook that names no kernel, or one that is not there, JupyterLab proposes the first by its name."""
    spec = json.loads((KERNELS / name / "kernel.json").read_text())
    assert spec["display_name"].casefold() > "python 3 (ipykernel)"
    assert "EMR" in spec["display_name"]


@pytest.mark.parametrize("name", ["python3", "no-such-kernel"])
def test_a_kernelspec_that_is_not_ours_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        provisioner_of(name)


@pytest.mark.slow
def test_the_process_says_what_is_wrong_on_one_line_and_imports_nothing_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "asyncio.py").write_text("raise RuntimeError")
    command = [sys.executable, "-m", "jupyter_emr_connect.kernel", "-f", "{connection_file}"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "'{connection_file}' is no connection file of Jupyter" in done.stderr
