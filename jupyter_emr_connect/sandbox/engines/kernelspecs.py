"""Writes the kernelspecs that a gateway offers: those of an EMR cluster, or those of an EMR on EKS endpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jupyter_emr_connect.sandbox.engines.layout import Installation
from jupyter_emr_connect.sandbox.engines.spark import spark_defaults, spark_environment, write_spark_conf
from jupyter_emr_connect.sandbox.engines.storage import with_s3

SPARKMAGIC_LAUNCHER = Path(__file__).with_name("sparkmagic_launcher.py")
PYSPARK_LAUNCHER = Path(__file__).with_name("pyspark_launcher.py")
# Names, titles and languages as sparkmagic's own kernelspecs have them.
SPARKMAGIC_KERNELS = {
    "pysparkkernel": ("PySpark", "python"),
    "sparkkernel": ("Spark", "scala"),
    "sparkrkernel": ("SparkR", "r"),
}
CLUSTER_PYTHON = "python3"
# Titles as EMR on EKS documents them (reference 2.2); its names are not documented, these are Enterprise Gateway's own
# for Kubernetes.
ENDPOINT_PYTHON = ("python_kubernetes", "Python 3")
ENDPOINT_PYSPARK = ("spark_python_kubernetes", "PySpark on Kubernetes")


def write_kernelspecs(
    kernels_dir: Path, installation: Installation, *, livy_url: str | None, workdir: Path, address: str
) -> str:
    """Write the kernelspecs into ``kernels_dir`` and return the default's name; called before the gateway starts.

    A cluster has ``python3`` and sparkmagic's three kernels. ``livy_url`` is its internal listener for kernels; their
    launcher appends ``/kernels/<KERNEL_ID>``. An endpoint has no Livy (``livy_url`` is None): its PySpark kernel is
    itself the driver of a Spark on ``address``.
    """
    home = kernels_home(workdir)
    (home / "tmp").mkdir(parents=True, exist_ok=True, mode=0o700)
    if livy_url is None:
        _write(kernels_dir, ENDPOINT_PYTHON[0], _python(installation, home, ENDPOINT_PYTHON[1]))
        _write(kernels_dir, ENDPOINT_PYSPARK[0], _pyspark(installation, home, address))
        return ENDPOINT_PYTHON[0]
    _write(kernels_dir, CLUSTER_PYTHON, _python(installation, home, "Python 3"))
    for name in SPARKMAGIC_KERNELS:
        _write(kernels_dir, name, _sparkmagic(installation, home, name, livy_url))
    return CLUSTER_PYTHON


def kernels_home(workdir: Path) -> Path:
    """Return the home and working directory of a gateway's kernels."""
    return workdir / "home"


def _python(installation: Installation, home: Path, title: str) -> dict[str, Any]:
    argv = [str(installation.kernel_python), "-I", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    return _spec(argv, title, "python", _common(home)) | {"metadata": {"debugger": True}}


def _sparkmagic(installation: Installation, home: Path, name: str, livy_url: str) -> dict[str, Any]:
    title, language = SPARKMAGIC_KERNELS[name]
    argv = [str(installation.kernel_python), "-I", str(SPARKMAGIC_LAUNCHER), name, "-f", "{connection_file}"]
    spark = {"EMR_CONNECT_LIVY_URL": livy_url, "SPARKMAGIC_CONF_DIR": str(home / ".sparkmagic")}
    return _spec(argv, title, language, _common(home) | spark)


def _pyspark(installation: Installation, home: Path, address: str) -> dict[str, Any]:
    conf, scratch = home / "spark-conf", home / "tmp"
    defaults = with_s3(spark_defaults(address, installation, scratch), installation)
    write_spark_conf(conf, {"spark.master": "local[2]", **defaults})
    packages = str(installation.kernel_packages)
    argv = [str(installation.spark_python), "-I", str(PYSPARK_LAUNCHER), packages, "-f", "{connection_file}"]
    spark = spark_environment(installation, conf, scratch, address)
    return _spec(argv, ENDPOINT_PYSPARK[1], "python", _common(home) | spark)


def _common(home: Path) -> dict[str, str]:
    # The gateway starts kernels with little more than PATH: without HOME they would write into the user's own.
    return {"HOME": str(home), "TMPDIR": str(home / "tmp"), "LANG": "C.UTF-8"}


def _spec(argv: list[str], title: str, language: str, env: dict[str, str]) -> dict[str, Any]:
    return {"argv": argv, "display_name": title, "language": language, "env": env}


def _write(kernels_dir: Path, name: str, spec: dict[str, Any]) -> None:
    folder = kernels_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")
