"""Notebook 7 with the built wheel, in an environment of its own: chip, notices, cells that wait, commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import serving_lab
from tests.conftest import Sandbox
from tests.sandbox.notebooks import write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.full, pytest.mark.xdist_group("browser")]

ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).with_name("uv"))
NOTEBOOK = "notebook>=7.6,<8"
ATTACH = "async args => void await window.jupyterapp.commands.execute('emr:attach', args)"


@pytest.fixture
def notebook_program(tmp_path: Path) -> str:
    """The program of a Notebook 7 that is installed together with our wheel (asks the package index)."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT, check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    venv = tmp_path / "venv"
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, str(venv)], check=True)
    subprocess.run([UV, "pip", "install", "-q", "--python", str(venv / "bin/python"), str(wheel), NOTEBOOK], check=True)
    return str(venv / "bin" / "jupyter-notebook")


@pytest.mark.slow
def test_the_chip_the_notices_and_the_commands_are_there(
    notebook_program: str, sandbox: Sandbox, page: Page, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    write_notebook(folder / "n.ipynb", "emr-python", "6 * 7")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    expose = "--JupyterNotebookApp.expose_app_in_browser=True"
    with serving_lab(sandbox, folder, expose, program=[notebook_program]) as served:
        page.goto(f"{served.url}/notebooks/n.ipynb")
        chip = page.get_by_role("button", name="EMR:")
        expect(chip).to_have_accessible_name(re.compile("EMR: Not attached"))
        notice = page.locator(".jp-EmrNotice").get_by_role("alert")
        expect(notice).to_contain_text("not attached")
        page.evaluate(ATTACH, {"compute": "open", "path": "n.ipynb"})
        page.locator(".jp-CodeCell").first.click()
        page.keyboard.press("Shift+Enter")
        expect(page.locator(".jp-OutputArea-output").last).to_have_text("42")
        expect(chip).to_have_accessible_name("EMR: open, Idle")
        expect(notice).to_have_count(0)
        chip.click()
        page.locator(".lm-Menu-itemLabel").get_by_text("Shut Down Kernel", exact=True).click()
        expect(chip).to_have_accessible_name("EMR: open, No kernel")
        page.keyboard.press("Control+Shift+C")  # the palette
        palette = page.get_by_role("searchbox").or_(page.locator(".lm-CommandPalette-input"))
        palette.first.fill("EMR: Detach")
        page.keyboard.press("Enter")
        expect(chip).to_have_accessible_name(re.compile("EMR: Not attached"))
    assert [stack for stack in errors if "jupyter_emr_connect" in stack] == []  # Notebook has some of its own
