"""JupyterLab in a real browser: the four kernels beside the local one, and one of them at work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page, expect

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
    page.goto(f"{lab}/lab?reset")
    cards = page.locator(".jp-LauncherCard[data-category='Notebook']")
    for name in (*OURS, "Python 3 (ipykernel)"):
        expect(cards.filter(has_text=name)).to_be_visible()
    shoot(page, "launcher")


@pytest.mark.parametrize("metadata", [{}, UNKNOWN], ids=["no kernelspec", "unknown kernelspec"])
def test_python_3_stays_the_proposal(lab: str, page: Page, root: Path, metadata: dict[str, Any]) -> None:
    """JupyterLab proposes the first kernel by its name where a notebook names none that is there."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")], metadata=metadata)
    nbformat.write(notebook, root / "proposal.ipynb")
    page.goto(f"{lab}/lab/tree/proposal.ipynb?reset")
    expect(page.locator(".jp-Dialog select")).to_have_value('{"name":"python3"}')


def test_an_attached_notebook_runs_on_spark_under_its_role(lab: str, page: Page) -> None:
    page.goto(f"{lab}/lab/tree/demo/demo.ipynb?reset")
    expect(page.get_by_text("Spark on EMR (PySpark) | Idle")).to_be_visible()
    page.locator(".lm-MenuBar-itemLabel").get_by_text("Run", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True).click()
    expect(page.locator(".jp-OutputArea-output").filter(has_text="as user emranalyst")).to_be_visible()
    shoot(page, "notebook")
