"""Backups in JupyterLab: S3 away and back, one cell brought back in three clicks, a conflict that the user ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import visit
from tests.browser.panel import faults, picture, set_theme
from tests.conftest import Sandbox
from tests.sandbox.notebooks import read_while_written, write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]

# Who else writes to the bucket: another computer of the same user.
UPLOAD = """
import pathlib, sys
import boto3
body = pathlib.Path(sys.argv[2]).read_bytes()
boto3.client("s3").put_object(Bucket="emr-sandbox-notebooks", Key=sys.argv[1], Body=body)
"""


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder with a backup; the name of JupyterLab's folder is the prefix in the bucket."""
    folder = root / "backups"
    folder.mkdir(exist_ok=True)
    return folder


def open_notebook(page: Page, lab: str, path: Path, source: str) -> None:
    """Write a notebook of one cell, and open it."""
    write_notebook(path, "python3", source)
    visit(page, lab, f"backups/{path.name}")
    expect(page.locator(".jp-Notebook")).to_be_visible()


def write(page: Page, source: str) -> None:
    """Give the first cell another source, and save."""
    page.locator(".jp-Notebook .jp-Cell").first.locator(".cm-content").fill(source)
    save(page)


def save(page: Page) -> None:
    """Save the notebook in front, and wait until it is."""
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)


def chip(page: Page) -> Locator:
    """Return what the notebook's toolbar says of its backup."""
    return page.get_by_role("button", name=re.compile("^Backup: "))


def is_saved(page: Page, at_least: int) -> None:
    """Wait until the versions that the panel shows are so many, and the notebook in S3."""
    versions = page.get_by_role("list", name="Versions").get_by_role("button", name=re.compile("^Compare with"))
    expect(versions.nth(at_least - 1)).to_be_visible()
    expect(chip(page)).to_have_text(re.compile("in S3"))


def source_of(path: Path) -> str:
    """Return the first cell's source in the file."""
    return str(read_while_written(path).cells[0].source)


def test_s3_is_away_and_back_and_one_cell_is_brought_back(lab: str, folder: Path, page: Page, sandbox: Sandbox) -> None:
    path = folder / "report.ipynb"
    open_notebook(page, lab, path, "first = 1")
    save(page)
    expect(chip(page)).to_have_text(re.compile("in S3"))

    sandbox.fault("down", "--service", "s3")
    try:
        write(page, "second = 2")
        expect(chip(page)).to_have_text(re.compile("waiting since"))
        status = page.get_by_role("button", name=re.compile("^EMR backup: 1 waiting since"))
        expect(status).to_be_visible()
    finally:
        sandbox.fault("down", "--off")
    page.evaluate("() => void window.jupyterapp.commands.execute('emr:backup-now')")
    expect(page.get_by_role("button", name="EMR backup: in S3")).to_be_visible()
    expect(chip(page)).to_have_text(re.compile("in S3"))

    chip(page).click()  # 1
    is_saved(page, 2)
    page.get_by_role("button", name=re.compile("^Compare with")).last.click()  # 2
    differing = page.get_by_role("list", name="Cells that differ from now")
    expect(differing).to_contain_text("+ first = 1")
    for theme in ("light", "dark"):
        set_theme(page, theme)
        assert faults(page) == []
    picture(page, "backups", width=None)
    differing.get_by_role("button", name="Restore this cell").click()  # 3
    expect(page.locator(".jp-Notebook .cm-content").first).to_have_text("first = 1")
    save(page)
    assert source_of(path) == "first = 1"

    page.get_by_role("button", name=re.compile("^Restore ")).nth(1).click()
    expect(page.get_by_text("What was here before is kept")).to_be_visible()
    is_saved(page, 3)


def test_a_conflict_is_ended_by_the_user(
    lab: str, root: Path, folder: Path, page: Page, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = folder / "shared.ipynb"
    open_notebook(page, lab, path, "start = 0")
    save(page)
    expect(chip(page)).to_have_text(re.compile("in S3"))

    theirs = tmp_path / "theirs.ipynb"
    theirs.write_text(path.read_text().replace("start = 0", "theirs = 1"))
    upload = [sys.executable, "-c", UPLOAD, f"{root.name}/backups/shared.ipynb", str(theirs)]
    subprocess.run(upload, env=sandbox.env, check=True, timeout=60)
    write(page, "mine = 2")
    expect(chip(page)).to_have_text("Backup: conflict")
    chip(page).click()
    conflict = page.get_by_role("region", name="Conflict")
    expect(conflict).to_contain_text("+ mine = 2")
    expect(conflict).to_contain_text("+ theirs = 1")
    assert faults(page) == []
    picture(page, "conflict", width=None)
    conflict.get_by_role("button", name="Take theirs").click()
    expect(page.locator(".jp-Notebook .cm-content").first).to_have_text("theirs = 1")
    expect(conflict).to_have_count(0)
    expect(chip(page)).to_have_text(re.compile("in S3"))
    assert source_of(path) == "theirs = 1"
