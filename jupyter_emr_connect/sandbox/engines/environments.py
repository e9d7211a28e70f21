"""Makes the engines' virtual environments with uv, from the lock files of this package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jupyter_emr_connect.errors import SandboxInstallError
from jupyter_emr_connect.sandbox.engines.failures import tool_failure
from jupyter_emr_connect.sandbox.engines.layout import venv_python
from jupyter_emr_connect.sandbox.engines.network import uv_environment
from jupyter_emr_connect.sandbox.engines.recipes import LOCKS, Piece


def uv_binary() -> str:
    """Return uv's executable from its PyPI package; raises SandboxInstallError without the extra ``sandbox``."""
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        message = "The sandbox's installer (uv) is missing."
        raise SandboxInstallError(message, fix="pip install 'jupyter_emr_connect[sandbox]'") from None


def make_environment(piece: Piece, target: Path, cache: Path) -> None:
    """Make the environment of ``piece`` in ``target``, on the Python that runs us; every file's hash is checked.

    Only pyspark is built (it is released as source, without anything to compile), with locked build tools.
    """
    uv = uv_binary()
    _run(piece, [uv, "venv", "--quiet", "--no-config", "--relocatable", "--python", sys.executable, str(target)], cache)
    command = [uv, "pip", "sync", "--quiet", "--python", str(venv_python(target)), "--require-hashes"]
    command += ["--only-binary", ":all:", "--no-binary", "pyspark", "--build-constraints", str(LOCKS / "build.txt")]
    _run(piece, [*command, str(piece.lock)], cache)


def _run(piece: Piece, command: list[str], cache: Path) -> None:
    environment = {"UV_CACHE_DIR": str(cache), **uv_environment()}
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise tool_failure(piece.title, done.stderr + done.stdout)
