"""JupyterLab in a real browser: the four kernels beside the local one."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import visit

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab

OURS = ("Spark on EMR (PySpark)", "Spark on EMR (Scala)", "Spark on EMR (SparkR)", "Python on EMR")
UNKNOWN = {
    "kernelspec": {"name": "conda-env-gone", "display_name": "Gone", "language": "python"},
    "language_info": {"name": "python"},
}


def shoot(page: Page, name: str) -> None:
    """Keep a screenshot where ``EMR_SCREENSHOTS`` says, for a look at what users see."""
    if folder := os.environ.get("EMR_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_the_launcher_offers_our_kernels_beside_the_local_one(lab: str, page: Page) -> None:
    visit(page, lab)
    cards = page.locator(".jp-LauncherCard[data-category='Notebook']")
    for name in (*OURS, "Python 3 (ipykernel)"):
        expect(cards.filter(has_text=name)).to_be_visible()
    shoot(page, "launcher")


def test_python_3_stays_the_proposal(lab: str, page: Page, root: Path) -> None:
    """JupyterLab proposes the first kernel by its name where a notebook names none that is there."""
    for metadata in ({}, UNKNOWN):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")], metadata=metadata)
        nbformat.write(notebook, root / "proposal.ipynb")
        visit(page, lab, "proposal.ipynb")
        expect(page.locator(".jp-Dialog select")).to_have_value('{"name":"python3"}')
        page.locator(".jp-Dialog").get_by_role("button", name="No Kernel").click()
