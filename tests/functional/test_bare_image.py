"""The extras on a machine that has Python and nothing else: every package comes as a wheel, so nothing is compiled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.full  # asks the package index
ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).with_name("uv"))
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28")


def resolved(extra: str, python: str, platform: str) -> subprocess.CompletedProcess[str]:
    """Choose packages for a machine that has no compiler; those without a wheel for it cannot be chosen."""
    words = ("--extra", extra, "--python-version", python, "--python-platform", platform)
    command = [
        UV,
        "pip",
        "compile",
        "-q",
        "--no-header",
        "--only-binary",
        ":all:",
        *words,
        str(ROOT / "pyproject.toml"),
    ]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", ["3.10", "3.13"])
@pytest.mark.parametrize("extra", ["livy", "all"])
def test_an_extra_installs_from_wheels_alone(extra: str, python: str, platform: str) -> None:
    done = resolved(extra, python, platform)
    assert done.returncode == 0, done.stderr
    assert "aiohttp==" in done.stdout
    assert ("moto==" in done.stdout) == (extra == "all")


@pytest.mark.parametrize("extra", ["kerberos", "sparkmagic"])
def test_kerberos_does_not_and_the_documentation_says_so(extra: str) -> None:
    assert resolved(extra, "3.13", PLATFORMS[0]).returncode != 0
    page = (ROOT / "docs" / ("livy.md" if extra == "kerberos" else "from-sparkmagic.md")).read_text("utf-8")
    (line,) = [line for line in page.splitlines() if f"jupyter_emr_connect[{extra}]" in line]
    assert "headers" in page[page.index(line) :][:600]
    assert "compiler" in page[page.index(line) :][:600]


def test_what_is_installed_so_runs_without_a_compiler(tmp_path: Path) -> None:
    bare = {"HOME": str(tmp_path), "PATH": str(tmp_path / "venv" / "bin")}
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, str(tmp_path / "venv")], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    chosen = resolved("livy", f"{sys.version_info[0]}.{sys.version_info[1]}", PLATFORMS[0])
    (tmp_path / "requirements.txt").write_text(chosen.stdout)
    words = ("--only-binary", ":all:", "--python", python, "-r", str(tmp_path / "requirements.txt"))
    subprocess.run([UV, "pip", "install", "-q", *words], check=True)
    code = "import jupyter_emr_connect.magics.livy_kernel, jupyter_emr_connect.cli.main; print('runs')"
    done = subprocess.run([python, "-c", code], env={**bare, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout == "runs\n", done.stderr
