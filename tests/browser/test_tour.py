"""A walk through the panel in both themes, narrow and wide: everything fits and can be read.

With ``EMR_DOCS_IMAGES=docs/images`` it makes the documentation's pictures.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel import (
    attach,
    choose,
    faults,
    looks,
    open_panel,
    option,
    picture,
    role_box,
)
from tests.conftest import Sandbox
from tests.sandbox.notebooks import write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab

CODE = (
    "sales = spark.range(1_000_000).selectExpr('id % 7 AS day', 'id * 3 AS amount')\n"
    "sales.groupBy('day').sum('amount').orderBy('day').show(3)"
)


def test_the_panel_fits_and_can_be_read_wherever_it_is_shown(
    lab: str, root: Path, page: Page, sandbox: Sandbox
) -> None:
    (root / "tour").mkdir()
    write_notebook(root / "tour" / "sales.ipynb", "python3", CODE)
    page.set_viewport_size({"width": 1180, "height": 820})
    open_panel(page, f"{lab}/lab/tree/tour/sales.ipynb?reset")
    expect(option(page, "shared")).to_be_attached()
    found = {f"list {look}": faults(page) for look in looks(page)}

    page.get_by_role("button", name="Cannot be attached").click()
    choose(page, "kerberos")  # which is out of sight: a click scrolls to it
    expect(page.locator(".jp-EmrHead")).to_contain_text("kerberos")
    page.locator("summary", has_text="Details").click()
    found |= {f"details {look}": faults(page) for look in looks(page)}
    page.get_by_role("button", name="Cannot be attached").click()

    sandbox.fault("no-gateway", "--compute", "open")
    try:
        choose(page, "open")
        page.get_by_role("button", name="Attach to this notebook").click()
        expect(page.locator(".jp-EmrFailed").get_by_role("alert")).to_be_in_viewport()
        found |= {f"failed {look}": faults(page) for look in looks(page)}
        picture(page, "attach-failed", "#jp-left-stack")
    finally:
        sandbox.fault("no-gateway", "--compute", "open", "--off")

    choose(page, "analytics")
    expect(role_box(page)).to_have_value("EMRAnalyst")
    picture(page, "attach", "#jp-left-stack")
    attach(page, "tour/sales.ipynb")
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").last).to_contain_text("sum(amount)")
    chip = page.get_by_role("button", name="EMR: analytics · EMRAnalyst, Idle")
    for look in looks(page):
        expect(chip).to_be_visible()  # the toolbar's "More commands" hides others
        found[f"attached {look}"] = faults(page)
    picture(page, "panel")
    picture(page, "chip", ".jp-NotebookPanel-toolbar")

    write_notebook(root / "tour" / "nowhere.ipynb", "emr-pyspark", CODE)
    page.evaluate("path => void window.jupyterapp.commands.execute('docmanager:open', {path})", "tour/nowhere.ipynb")
    expect(page.locator(".jp-EmrNotice").get_by_role("alert")).to_be_visible()
    found |= {f"notice {look}": faults(page) for look in looks(page)}
    picture(page, "failure", ".jp-NotebookPanel:not(.lm-mod-hidden)")
    assert {where: what for where, what in found.items() if what} == {}
