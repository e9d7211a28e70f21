"""JupyterLab in a real browser: the four kernels beside the local one, and one of them at work."""

from __future__ import annotations

import os

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab


def shoot(page: Page, name: str) -> None:
    """Keep a screenshot where ``EMR_SCREENSHOTS`` says, for a look at what users see."""
    if folder := os.environ.get("EMR_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_the_launcher_offers_our_kernels_beside_the_local_one(lab: str, page: Page) -> None:
    page.goto(f"{lab}/lab?reset")
    cards = page.locator(".jp-LauncherCard[data-category='Notebook']")
    for name in ("EMR PySpark", "EMR Spark (Scala)", "EMR SparkR", "EMR Python", "Python 3 (ipykernel)"):
        expect(cards.filter(has_text=name)).to_be_visible(timeout=60_000)
    shoot(page, "launcher")


def test_an_attached_notebook_runs_on_spark_under_its_role(lab: str, page: Page) -> None:
    page.goto(f"{lab}/lab/tree/demo/demo.ipynb?reset")
    expect(page.get_by_text("EMR PySpark | Idle")).to_be_visible(timeout=90_000)
    page.locator(".lm-MenuBar-itemLabel").get_by_text("Run", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True).click()
    expect(page.locator(".jp-OutputArea-output").filter(has_text="as user emranalyst")).to_be_visible(timeout=180_000)
    shoot(page, "notebook")
