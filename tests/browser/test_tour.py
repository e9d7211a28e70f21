"""Two clicks to Spark under a role, and all that the panel shows on the way in both themes, narrow and wide.

With ``EMR_DOCS_IMAGES=docs/images`` it makes the documentation's pictures.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel import (
    attach,
    choose,
    faults_in_all_looks,
    open_panel,
    option,
    picture,
    role_box,
)
from tests.conftest import Sandbox
from tests.sandbox.notebooks import read_while_written, write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab

CODE = (
    "sales = spark.range(1_000_000).selectExpr('id % 7 AS day', 'id * 3 AS amount')\n"
    "sales.groupBy('day').sum('amount').orderBy('day').show(3)\n"
    "print(spark.sparkContext.sparkUser())"
)


def test_two_clicks_to_spark_and_all_that_is_shown_fits_and_can_be_read(
    lab: str, root: Path, page: Page, sandbox: Sandbox
) -> None:
    (root / "tour").mkdir()
    path = write_notebook(root / "tour" / "sales.ipynb", "python3", CODE)
    page.set_viewport_size({"width": 1180, "height": 820})
    open_panel(page, lab, "tour/sales.ipynb")
    expect(option(page, "shared")).to_be_attached()
    found = faults_in_all_looks(page, "list")

    page.get_by_role("button", name="Cannot be attached").click()
    choose(page, "kerberos")  # which is out of sight: a click scrolls to it
    expect(page.locator(".jp-EmrHead")).to_contain_text("kerberos")
    page.locator("summary", has_text="Details").click()
    found |= faults_in_all_looks(page, "details")
    page.get_by_role("button", name="Cannot be attached").click()

    sandbox.fault("no-gateway", "--compute", "open")
    try:
        choose(page, "open")
        page.get_by_role("button", name="Attach to this notebook").click()
        failed = page.locator(".jp-EmrFailed")
        expect(failed.get_by_role("alert")).to_be_in_viewport()
        expect(failed.get_by_role("alert")).to_contain_text("gateway")
        expect(failed.locator(".jp-mod-failed")).to_contain_text("✗")
        expect(failed.get_by_role("button", name="Try again")).to_be_in_viewport()  # there is room for it
        found |= faults_in_all_looks(page, "failed")
        picture(page, "attach-failed", "#jp-left-stack")
    finally:
        sandbox.fault("no-gateway", "--compute", "open", "--off")

    choose(page, "analytics")
    expect(page.locator(".jp-EmrHead")).to_be_in_viewport()  # wherever the section was scrolled to
    expect(role_box(page)).to_have_value("EMRAnalyst")
    picture(page, "attach", "#jp-left-stack")
    attach(page, "tour/sales.ipynb")
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")  # the kernel still starts: the cell waits for it
    expect(page.locator(".jp-OutputArea-output").last).to_contain_text("sum(amount)")
    expect(page.locator(".jp-OutputArea-output").last).to_contain_text("emranalyst")
    chip = page.get_by_role("button", name="EMR: analytics · EMRAnalyst, Idle")
    found |= faults_in_all_looks(page, "attached")
    expect(chip).to_be_visible()  # the toolbar's "More commands" hides others
    picture(page, "panel")
    picture(page, "chip", ".jp-NotebookPanel-toolbar")

    kernel = page.get_by_role("region", name="Kernels").get_by_role("listitem").filter(has_text="tour/sales.ipynb")
    expect(kernel).to_contain_text("analytics · EMRAnalyst")
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    notebook = read_while_written(path)
    assert notebook.metadata.kernelspec.name == "emr-pyspark"
    assert [cell.source for cell in notebook.cells if cell.source] == [CODE]

    write_notebook(root / "tour" / "nowhere.ipynb", "emr-pyspark", CODE)
    page.evaluate("path => void window.jupyterapp.commands.execute('docmanager:open', {path})", "tour/nowhere.ipynb")
    expect(page.locator(".jp-EmrNotice").get_by_role("alert")).to_be_visible()
    found |= faults_in_all_looks(page, "notice")
    picture(page, "failure", ".jp-NotebookPanel:not(.lm-mod-hidden)")
    assert {where: what for where, what in found.items() if what} == {}
