"""JupyterLab's plugin arrives with the wheel; who installs that needs no node."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = "share/jupyter/labextensions/jupyter_emr_connect/"
MOST_KB = 150  # of JavaScript, gzipped


def test_the_wheel_brings_the_built_plugin(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name.split("/data/", 1)[1] for name in archive.namelist() if "/data/" in name]
        inside = {name.removeprefix(FOLDER): name for name in names if name.startswith(FOLDER)}
        (package,) = (name for name in archive.namelist() if name.endswith(f"{FOLDER}package.json"))
        described = json.loads(archive.read(package))
        scripts = [archive.read(name) for name in archive.namelist() if FOLDER in name and name.endswith(".js")]
    assert described["jupyterlab"]["_build"]["load"] in inside
    assert "install.json" in inside
    assert not [name for name in inside if "build_log" in name]
    assert scripts
    assert sum(len(gzip.compress(script, 9)) for script in scripts) <= MOST_KB * 1000
