"""Writes the kernelspecs that a cluster's gateway offers: EMR's four, run by the kernels' own Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jupyter_emr_connect.sandbox.engines.layout import Installation

LAUNCHER = Path(__file__).with_name("sparkmagic_launcher.py")
# Names, titles and languages as sparkmagic's own kernelspecs have them.
SPARKMAGIC_KERNELS = {
    "pysparkkernel": ("PySpark", "python"),
    "sparkkernel": ("Spark", "scala"),
    "sparkrkernel": ("SparkR", "r"),
}


def write_kernelspecs(kernels_dir: Path, installation: Installation, *, livy_url: str, workdir: Path) -> None:
    """Write ``python3`` and sparkmagic's three kernelspecs into ``kernels_dir``; called before the gateway starts.

    ``livy_url`` is the cluster's internal listener for kernels; the launcher appends ``/kernels/<KERNEL_ID>``.
    """
    python = str(installation.kernel_python)
    home = kernels_home(workdir)
    (home / "tmp").mkdir(parents=True, exist_ok=True, mode=0o700)
    # The gateway starts kernels with little more than PATH: without HOME they would write into the user's own.
    common = {"HOME": str(home), "TMPDIR": str(home / "tmp"), "LANG": "C.UTF-8"}
    spark = {"EMR_CONNECT_LIVY_URL": livy_url, "SPARKMAGIC_CONF_DIR": str(home / ".sparkmagic")}
    for name, (title, language) in SPARKMAGIC_KERNELS.items():
        argv = [python, "-I", str(LAUNCHER), name, "-f", "{connection_file}"]
        _write(kernels_dir / name, {"argv": argv, "display_name": title, "language": language, "env": common | spark})
    argv = [python, "-I", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    debugger = {"debugger": True}
    _write(
        kernels_dir / "python3",
        {"argv": argv, "display_name": "Python 3", "language": "python", "env": common, "metadata": debugger},
    )


def kernels_home(workdir: Path) -> Path:
    """Return the home and working directory of a gateway's kernels."""
    return workdir / "home"


def _write(folder: Path, spec: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")
