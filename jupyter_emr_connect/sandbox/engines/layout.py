"""Where the installed engines lie; what ``install.ensure_installed`` returns and the engines are started from."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

from jupyter_emr_connect.errors import SandboxInstallError

SPARK = "3.5.9"
LIVY = "0.7.1-incubating"
SPARKMAGIC = "0.23.0"
GATEWAYS = ("3.3.0", "2.6.0")
SCALA = "2.12"
LIVY_FOLDERS = {"jars": "livy-server-*.jar", "rsc-jars": "livy-rsc-*.jar", f"repl_{SCALA}-jars": "livy-repl_*.jar"}
"""The folders of a Livy home, and a jar that shows each to be what it should be."""


def engines_root() -> Path:
    """Return the one data folder that all sandboxes of this user share."""
    return Path(jupyter_data_dir()) / "emr-connect" / "engines"


@dataclass(frozen=True)
class Installation:
    """Paths of the installed engines; all absolute.

    ``java`` is the executable, ``spark_home`` pyspark's folder, ``spark_python`` the Python of Spark's drivers and
    workers, ``kernel_python`` the Python of the gateway's kernels (sparkmagic, ipykernel), ``livy_home`` a folder with
    ``jars/``, ``rsc-jars/`` and ``repl_2.12-jars/``. ``livy_agent`` is the Java agent that keeps Livy's RPC ports on
    loopback. ``class_archive`` is the folder that ``class_archive.py`` fills, ``s3_jars`` that of the jars for S3.
    ``livy_start`` is the folder that ``livy_start.py`` fills, None beside a Livy that is not ours.
    ``gateways`` maps gateway versions to their Pythons.
    """

    root: Path
    java: Path
    spark_home: Path
    spark_python: Path
    kernel_python: Path
    livy_home: Path
    livy_agent: Path
    class_archive: Path
    s3_jars: Path
    livy_start: Path | None
    gateways: Mapping[str, Path]
    versions: Mapping[str, str]

    @property
    def java_home(self) -> Path:
        """The Java runtime's folder, for ``JAVA_HOME``."""
        return self.java.resolve().parent.parent

    @property
    def kernel_packages(self) -> Path:
        """Where ipykernel lies; engines are installed for the Python that runs us."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.kernel_python.parent.parent / "lib" / version / "site-packages"

    def gateway_python(self, version: str) -> Path:
        """Return the Python of one gateway version; raises SandboxInstallError when it was not installed."""
        try:
            return self.gateways[version]
        except KeyError:
            message = f"Jupyter Enterprise Gateway {version} is not installed."
            raise SandboxInstallError(
                message,
                fix=f"The sandbox has versions {', '.join(GATEWAYS)}; run `jupyter emr sandbox up` again.",
            ) from None


def venv_python(venv: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return venv / "bin" / "python"


def check_livy_home(home: Path) -> str:
    """Return the version of a full Apache Livy distribution; raises SandboxInstallError when it is none."""
    for folder, jar in LIVY_FOLDERS.items():
        if not any((home / folder).glob(jar)):
            message = f"{home} is not an Apache Livy distribution for Scala {SCALA}: it has no {folder}/{jar}."
            raise SandboxInstallError(
                message,
                fix=f"Let --livy-home name an unpacked apache-livy-…_{SCALA}-bin folder of version 0.8.0 or later.",
            )
    server = next((home / "jars").glob("livy-server-*.jar")).stem
    match = re.search(r"\d[\w.-]*", server.removeprefix("livy-server-"))
    return match[0] if match else "unknown"
