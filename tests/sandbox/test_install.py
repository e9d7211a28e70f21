"""The installation: once, whole or not at all, and cheap when it is there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_emr_connect.sandbox.engines.build import build_missing, locked
from jupyter_emr_connect.sandbox.engines.layout import Installation
from tests.sandbox.installing import install_java, java_piece, no_installation

pytestmark = pytest.mark.sandbox

INSTALL_JAVA = """
import sys
from pathlib import Path
from jupyter_emr_connect.sandbox.engines import build, recipes
root = Path(sys.argv[1])
piece = recipes.environment(root, "java", "Java 17", 1, "java-home/bin/java")
build.build_missing(root, {"java": piece}, lambda *words: print(*words, flush=True), None)
"""
WARM = """
import json, subprocess, sys, time
before = time.perf_counter()
from jupyter_emr_connect.sandbox.engines.install import ensure_installed
loaded = time.perf_counter()
def progress(*_): raise SystemExit("there was something to do")
installation = ensure_installed(progress)
done = time.perf_counter()
heavy = {"cryptography", "psutil", "uv", "aiohttp", "moto", "concurrent.futures"} & set(sys.modules)
print(json.dumps({"import": loaded - before, "call": done - loaded, "heavy": sorted(heavy)}))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """uv's downloads, so that each test of this file does not fetch Java again."""
    return str(tmp_path_factory.mktemp("cache"))


def test_what_is_installed_runs(installed: Installation) -> None:
    def run(*command: str | Path) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": os.defpath})
        return (done.stdout + done.stderr).strip()

    assert 'version "17.' in run(installed.java, "-version")
    assert (installed.spark_home / "bin" / "spark-submit").exists()
    assert run(installed.spark_python, "-c", "import pyspark, pandas, pyarrow; print(pyspark.__version__)") == "3.5.9"
    versions = "from importlib.metadata import version; print(version('sparkmagic'), version('ipywidgets')[0])"
    assert run(installed.kernel_python, "-c", versions) == "0.23.0 8"
    code = "from enterprise_gateway import __version__ as v; print(v)"
    assert run(installed.gateway_python("3.3.0"), "-c", code) == "3.3.0"
    for folder in ("jars", "rsc-jars", "repl_2.12-jars"):
        assert list((installed.livy_home / folder).glob("*.jar"))
    assert installed.livy_agent.exists()


def test_nothing_that_needs_kerberos_or_a_compiler_is_installed(installed: Installation) -> None:
    packages = {path.name for path in next(installed.kernel_python.parent.parent.glob("lib/*/site-packages")).iterdir()}
    assert not {"gssapi", "krb5", "notebook", "jupyterlab"} & packages


def test_a_warm_call_is_quick_and_loads_little(installed: Installation, tmp_path: Path) -> None:
    data = tmp_path / "data" / "emr-connect"
    data.mkdir(parents=True)
    (data / "engines").symlink_to(installed.root)
    # A proxy that refuses everything: no network is needed.
    dead = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    environment = os.environ | dead | {"JUPYTER_DATA_DIR": str(data.parent)}
    done = subprocess.run([sys.executable, "-c", WARM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["heavy"] == []
    assert report["call"] < 1


@pytest.mark.full
def test_a_killed_installation_is_repaired_by_the_next(tmp_path: Path, cache: str) -> None:
    environment = os.environ | {"UV_CACHE_DIR": cache}
    child = subprocess.Popen(
        [sys.executable, "-c", INSTALL_JAVA, str(tmp_path)], env=environment, start_new_session=True
    )
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".work/java-*/*")):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.005)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    piece = java_piece(tmp_path)
    assert not piece.path.exists(), "a piece must appear whole or not at all"
    subprocess.run([sys.executable, "-c", INSTALL_JAVA, str(tmp_path)], env=environment, check=True)
    assert piece.present()
    assert not (tmp_path / ".work").exists()


@pytest.mark.full
def test_a_piece_whose_interpreter_is_gone_is_made_anew(
    tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", cache)
    piece = java_piece(tmp_path)
    install_java(tmp_path, piece)
    shutil.rmtree(piece.path / "java-home" / "bin")
    assert not piece.present()
    install_java(tmp_path, piece)
    assert piece.present()


@pytest.mark.full
def test_two_installers_at_once_share_one_work(tmp_path: Path, cache: str) -> None:
    environment = os.environ | {"UV_CACHE_DIR": cache}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", INSTALL_JAVA, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [child.communicate(timeout=120)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert java_piece(tmp_path).present()
    assert sum("Java 17 1 1" in text for text in said) == 1


@pytest.mark.full
def test_who_waits_for_another_installer_is_told(tmp_path: Path, cache: str) -> None:
    environment = os.environ | {"UV_CACHE_DIR": cache}
    with locked(tmp_path / ".lock", lambda: None):
        child = subprocess.Popen(
            [sys.executable, "-c", INSTALL_JAVA, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "another installation 0 1\n"
    assert child.communicate(timeout=120)[0] == "Java 17 0 1\nJava 17 1 1\n"


@pytest.mark.full
def test_pieces_of_older_recipes_go_unless_they_are_in_use(
    tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", cache)
    piece = java_piece(tmp_path)
    unused, used = (tmp_path / f"{piece.name}-{digit * 10}" for digit in "01")
    unused.mkdir()
    used.mkdir()
    (used / "sleep").symlink_to("/bin/sleep")
    with subprocess.Popen([str(used / "sleep"), "300"]) as sleeper:
        install_java(tmp_path, piece)
        sleeper.kill()
    assert piece.present()
    assert used.exists()
    assert not unused.exists()


@pytest.mark.full
def test_progress_counts_up_to_all(tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", cache)
    said: list[tuple[str, int, int]] = []
    build_missing(tmp_path, {"java": java_piece(tmp_path)}, lambda *words: said.append(words), no_installation)
    assert said == [("Java 17", 0, 1), ("Java 17", 1, 1)]
