"""Install the wheel and the sdist of dist/, each into an empty environment, and look at what they bring (`make dist`).

The package index is asked for what an installation needs; nothing is compiled, and no node is there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = str(Path(sys.executable).with_name("uv"))
KERNELS = {"emr-pyspark", "emr-spark", "emr-sparkr", "emr-python"}
FOREIGN = ("AWS_", "EMR_CONNECT_", "JPY_", "JUPYTER_", "PYTHON", "VIRTUAL_ENV")


class Environment:
    """A virtual environment with nothing in it, whose programs see no other and no settings of this machine."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "venv" / "bin"
        cache = subprocess.run([UV, "cache", "dir"], check=True, capture_output=True, text=True).stdout.strip()
        own = {"HOME": str(folder), "PATH": str(self.bin), "UV_CACHE_DIR": cache}
        self.variables = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)} | own
        self.uv("venv", "-q", "--python", sys.executable, str(self.bin.parent))

    def uv(self, *words: str) -> None:
        """Run uv; raises ``CalledProcessError`` when it fails, whose reason is on the terminal."""
        subprocess.run([UV, *words], env=self.variables, check=True)

    def install(self, *requirements: str) -> None:
        """Install from wheels alone, save our own package where it is an sdist."""
        words = ["pip", "install", "-q", "--python", str(self.bin / "python"), "--only-binary", ":all:"]
        own = ["--no-binary", "jupyter_emr_connect"] if requirements[0].endswith(".tar.gz") else []
        self.uv(*words, *own, *requirements)

    def run(self, program: str, *words: str, code: int = 0) -> str:
        """Return what an installed program prints, on either stream; it must end with this exit code."""
        done = subprocess.run(
            [str(self.bin / program), *words],
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == code, done.stdout
        return done.stdout


def check(file: Path, version: str) -> None:
    """Install one file and look at the command, the server extension, the kernelspecs and JupyterLab's plugin."""
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(Path(folder))
        environment.install(str(file))
        shown = environment.run("jupyter", "emr", "--version")
        assert shown.split()[-1] == version, shown
        code = "import jupyter_emr_connect as package; print(package.__version__)"
        assert environment.run("python", "-c", code).strip() == version
        listed = environment.run("jupyter", "server", "extension", "list")
        assert f"jupyter_emr_connect {version} \x1b[32mOK" in listed, listed
        listed = environment.run("jupyter", "kernelspec", "list")
        assert set(listed.split()) >= KERNELS, listed
        refused = environment.run("jupyter", "emr", "sandbox", "up", "--name", "x", code=1)
        assert "pip install 'jupyter_emr_connect[sandbox]'" in refused, refused
        assert "Traceback" not in refused, refused
        environment.install(f"jupyter_emr_connect[all] @ {file.as_uri()}", "jupyterlab")
        listed = environment.run("jupyter", "labextension", "list")
        plugin = (
            f"jupyter_emr_connect v{version} \x1b[32menabled\x1b[0m \x1b[32mOK\x1b[0m (python, jupyter_emr_connect)"
        )
        assert plugin in listed, listed
    sys.stdout.write(f"{file.name}: command, server extension, kernelspecs and plugin are there\n")


def main() -> None:
    """Check the one wheel and the one sdist."""
    version = json.loads((ROOT / "labextension" / "package.json").read_text(encoding="utf-8"))["version"]
    for pattern in ("*.whl", "*.tar.gz"):
        (file,) = (ROOT / "dist").glob(pattern)
        check(file, version)


if __name__ == "__main__":
    main()
