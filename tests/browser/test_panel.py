"""The panel: a compute and a role in two clicks, and the answer of Spark in the cell that waited."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Sandbox
from tests.sandbox.notebooks import read_while_written, write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder that is attached to nothing."""
    folder = root / "panel"
    folder.mkdir(exist_ok=True)
    return folder


def open_panel(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator(".jp-Notebook")).to_be_visible(timeout=60_000)
    page.get_by_role("tab", name="EMR", exact=True).click()


def choose(page: Page, compute: str) -> None:
    page.get_by_role("listbox", name="Computes").get_by_role("option", name=compute, exact=True).click(timeout=60_000)


def test_two_clicks_to_spark_under_a_role(lab: str, folder: Path, page: Page) -> None:
    code = "print(spark.sparkContext.sparkUser(), spark.range(1000).count())"
    path = write_notebook(folder / "report.ipynb", "python3", code)
    open_panel(page, f"{lab}/lab/tree/panel/report.ipynb?reset")
    choose(page, "analytics")
    role = page.get_by_role("region", name="Runtime role").get_by_role("combobox", name="Runtime role")
    expect(role).to_have_value("EMRAnalyst", timeout=30_000)
    page.get_by_role("button", name="Attach to this notebook").click()
    expect(page.get_by_text("panel/report.ipynb is attached.")).to_be_visible(timeout=60_000)

    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")  # the kernel still starts: the cell waits for it
    expect(page.locator(".jp-OutputArea-output").last).to_contain_text("emranalyst 1000", timeout=120_000)
    chip = page.get_by_role("button", name="EMR:")
    expect(chip).to_have_accessible_name("EMR: analytics · EMRAnalyst, Idle", timeout=30_000)
    kernel = page.get_by_role("region", name="Kernels").get_by_role("listitem").filter(has_text="panel/report.ipynb")
    expect(kernel).to_contain_text("analytics · EMRAnalyst")

    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0, timeout=30_000)
    notebook = read_while_written(path)
    assert notebook.metadata.kernelspec.name == "emr-pyspark"
    assert [cell.source for cell in notebook.cells if cell.source] == [code]


def test_a_gateway_that_is_down_is_named_where_the_user_looks(
    lab: str, folder: Path, page: Page, sandbox: Sandbox
) -> None:
    write_notebook(folder / "down.ipynb", "python3", "1")
    open_panel(page, f"{lab}/lab/tree/panel/down.ipynb?reset")
    choose(page, "open")
    sandbox.fault("no-gateway", "--compute", "open")
    try:
        page.get_by_role("button", name="Attach to this notebook").click()
        failed = page.locator(".jp-EmrFailed")
        expect(failed.get_by_role("alert")).to_contain_text("gateway", timeout=60_000)
        expect(failed.locator(".jp-mod-failed")).to_contain_text("✗")
    finally:
        sandbox.fault("no-gateway", "--compute", "open", "--off")
    failed.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("panel/down.ipynb is attached.")).to_be_visible(timeout=60_000)


def test_a_notebook_without_an_attachment_says_so_and_can_be_attached(lab: str, folder: Path, page: Page) -> None:
    write_notebook(folder / "nowhere.ipynb", "emr-python", "print(6 * 7)")
    page.goto(f"{lab}/lab/tree/panel/nowhere.ipynb?reset")
    notice = page.locator(".jp-EmrNotice").get_by_role("alert")
    expect(notice).to_contain_text("attach", timeout=60_000)
    expect(page.get_by_role("button", name="EMR: Not attached")).to_be_visible()
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    notice.get_by_role("button", name="Choose a compute …").click()
    choose(page, "open")
    page.get_by_role("button", name="Attach to this notebook").click()
    expect(page.get_by_role("button", name="EMR: open, Idle")).to_be_visible(timeout=90_000)
    expect(notice).to_have_count(0)
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").last).to_have_text("42\n", timeout=60_000)
