"""Run the unit and functional tests with the lowest or the newest versions that ``pyproject.toml`` allows.

Called by `make test-lowest` as ``run_versions.py lowest`` and ``run_versions.py newest``; what follows goes to pytest.
The lowest versions run on the oldest Python of those here that the package supports, the newest on the newest; the
variables ``OLDEST_PYTHON`` and ``NEWEST_PYTHON`` name others. Each has an environment of its own, ``.venv-lowest`` and
``.venv-newest``. Asks the package index. Only what the package itself depends on is low: tools of tests are the newest
that go with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

ROOT = Path(__file__).parents[1]
UV = str(Path(sys.executable).with_name("uv"))
OLDEST_MINOR, NEWEST_MINOR = 10, 20
# Its version follows boto3's, on which moto depends; so boto3 must be as low.
LOW_BESIDE = "boto3>=1.36"
# What the package works with and does not need; the lowest jupyter_server cannot run it.
BESIDE_NEWEST = ("jupyter_server_ydoc",)
FASTEST = ("-q", "-n", str(3 * (os.cpu_count() or 1)))


def find_pythons() -> dict[int, str]:
    """Return the Pythons of this machine by their minor version: those on the path that run, and pyenv's."""
    found: dict[int, str] = {}
    for minor in range(OLDEST_MINOR, NEWEST_MINOR):
        name = f"python3.{minor}"
        versions = Path.home().joinpath(".pyenv", "versions").glob(f"3.{minor}.*/bin/{name}")
        candidates = [path for path in (which(name), *map(str, sorted(versions))) if path]
        if minor == sys.version_info.minor:
            candidates.append(sys.executable)
        for path in candidates:
            if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
                found[minor] = path
                break
    return found


def uv(*words: str) -> None:
    """Run uv, which is not to fetch any Python."""
    subprocess.run([UV, *words], check=True, cwd=ROOT, env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"})


def install(which_versions: str, python: str) -> Path:
    """Make the environment anew and return its Python; installs this checkout with its tests' tools."""
    folder = ROOT / f".venv-{which_versions}"
    own = str(folder / "bin" / "python")
    uv("venv", "-q", "--clear", "--python", python, str(folder))
    pins: list[str] = []
    if which_versions == "lowest":
        low = folder / "lowest.in"
        low.write_text(f"{LOW_BESIDE}\n")
        constraints = str(folder / "lowest.txt")
        lowest = ("-q", "--resolution", "lowest-direct", "--python", own, "--no-header", "--no-annotate")
        extras = ("--extra", "sandbox", "--extra", "magics")
        uv("pip", "compile", *lowest, "pyproject.toml", str(low), *extras, "-o", constraints)
        pins = ["-c", constraints]
    beside = BESIDE_NEWEST if which_versions == "newest" else ()
    uv("pip", "install", "-q", "--python", own, *pins, "-e", ".[test]", *beside)
    return Path(own)


def main(which_versions: str, *words: str) -> int:
    """Install and run; returns pytest's exit code."""
    pythons = find_pythons()
    minor = min(pythons) if which_versions == "lowest" else max(pythons)
    named = os.environ.get("OLDEST_PYTHON" if which_versions == "lowest" else "NEWEST_PYTHON")
    python = install(which_versions, named or pythons[minor])
    versions = subprocess.run([UV, "pip", "list", "-q", "--python", str(python)], check=True, capture_output=True)
    sys.stderr.write(f"The {which_versions} versions, on {named or pythons[minor]}:\n{versions.stdout.decode()}")
    # Old versions warn of what newer Pythons and libraries will change, which says nothing of us.
    tests = words or ("tests/unit", "tests/functional")
    command = [str(python), "-m", "pytest", *FASTEST, "-W", "default", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
