"""Livy's home folder: ours, put together from jars and driver, or a full Apache Livy distribution of the user's."""

from __future__ import annotations

import os
import re
from pathlib import Path

from jupyter_emr_connect.errors import SandboxInstallError
from jupyter_emr_connect.sandbox.engines.layout import SCALA

FOLDERS = {"jars": "livy-server-*.jar", "rsc-jars": "livy-rsc-*.jar", f"repl_{SCALA}-jars": "livy-repl_*.jar"}


def check_livy_home(home: Path) -> str:
    """Return the version of a full Apache Livy distribution; raises SandboxInstallError when it is none."""
    for folder, jar in FOLDERS.items():
        if not any((home / folder).glob(jar)):
            message = f"{home} is not an Apache Livy distribution for Scala {SCALA}: it has no {folder}/{jar}."
            raise SandboxInstallError(
                message,
                fix=f"Let --livy-home name an unpacked apache-livy-…_{SCALA}-bin folder of version 0.8.0 or later.",
            )
    server = next((home / "jars").glob("livy-server-*.jar")).stem
    match = re.search(r"\d[\w.-]*", server.removeprefix("livy-server-"))
    return match[0] if match else "unknown"


def link_jars(jars: Path, home: Path) -> None:
    """Fill ``home`` with hard links to the fetched jars; they take no more space."""
    for folder in ("jars", "rsc-jars"):
        (home / folder).mkdir()
        for jar in (jars / folder).iterdir():
            os.link(jar, home / folder / jar.name)
    (home / f"repl_{SCALA}-jars").mkdir()
