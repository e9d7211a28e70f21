"""What arrives with ``pip install``: built as a wheel, installed into an empty environment."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import clean_environment

ROOT = Path(__file__).parents[2]
KERNELS = {"emr-pyspark", "emr-spark", "emr-sparkr", "emr-python"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from this tree."""
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_base_install_asks_for_nothing_that_needs_a_compiler(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith("METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    required = [line.split()[1] for line in lines if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert not [name for name in required if name.startswith(("sparkmagic", "gssapi", "krb5", "requests-kerberos"))]


def test_the_wheel_brings_kernelspecs_and_enables_the_server_extension(wheel: Path, tmp_path: Path) -> None:
    uv = str(Path(sys.executable).parent / "uv")
    venv, env = tmp_path / "venv", clean_environment() | {"HOME": str(tmp_path)}
    cache = subprocess.run([uv, "cache", "dir"], check=True, capture_output=True, text=True).stdout.strip()
    env["UV_CACHE_DIR"] = cache
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(venv)], check=True, env=env)
    install = [
        uv,
        "pip",
        "install",
        "-q",
        "--only-binary",
        ":all:",
        "--python",
        str(venv / "bin" / "python"),
        str(wheel),
    ]
    subprocess.run(install, check=True, env=env)
    run = {"env": env, "capture_output": True, "text": True, "check": True}
    specs = subprocess.run([str(venv / "bin" / "jupyter"), "kernelspec", "list", "--json"], **run).stdout
    assert set(json.loads(specs)["kernelspecs"]) >= KERNELS
    listed = subprocess.run([str(venv / "bin" / "jupyter"), "server", "extension", "list"], **run)
    assert "jupyter_emr_connect" in listed.stdout + listed.stderr
    assert "OK" in (listed.stdout + listed.stderr).split("jupyter_emr_connect", 1)[1]
    help_text = subprocess.run(
        [str(venv / "bin" / "jupyter-emr"), "sandbox", "up", "--name", "x"],
        env=env | {"PATH": ""},
        capture_output=True,
        text=True,
    )
    assert help_text.returncode == 1
    assert "pip install 'jupyter_emr_connect[sandbox]'" in help_text.stderr
    assert "Traceback" not in help_text.stderr
