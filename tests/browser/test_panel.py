"""The panel: a compute and a role in two clicks, and the answer of Spark in the cell that waited."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel import attach, choose, open_panel, role_box
from tests.conftest import Sandbox
from tests.sandbox.notebooks import read_while_written, write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder that is attached to nothing."""
    folder = root / "panel"
    folder.mkdir(exist_ok=True)
    return folder


def test_two_clicks_to_spark_under_a_role(lab: str, folder: Path, page: Page) -> None:
    code = "print(spark.sparkContext.sparkUser(), spark.range(1000).count())"
    path = write_notebook(folder / "report.ipynb", "python3", code)
    open_panel(page, f"{lab}/lab/tree/panel/report.ipynb?reset")
    choose(page, "analytics")
    expect(role_box(page)).to_have_value("EMRAnalyst")
    attach(page, "panel/report.ipynb")

    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")  # the kernel still starts: the cell waits for it
    expect(page.locator(".jp-OutputArea-output").last).to_contain_text("emranalyst 1000")
    chip = page.get_by_role("button", name="EMR:")
    expect(chip).to_have_accessible_name("EMR: analytics · EMRAnalyst, Idle")
    kernel = page.get_by_role("region", name="Kernels").get_by_role("listitem").filter(has_text="panel/report.ipynb")
    expect(kernel).to_contain_text("analytics · EMRAnalyst")

    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
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
        expect(failed.get_by_role("alert")).to_contain_text("gateway")
        expect(failed.locator(".jp-mod-failed")).to_contain_text("✗")
    finally:
        sandbox.fault("no-gateway", "--compute", "open", "--off")
    failed.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("panel/down.ipynb is attached.")).to_be_visible()


def test_a_notebook_without_an_attachment_says_so_and_can_be_attached(lab: str, folder: Path, page: Page) -> None:
    write_notebook(folder / "nowhere.ipynb", "emr-python", "print(6 * 7)")
    page.goto(f"{lab}/lab/tree/panel/nowhere.ipynb?reset")
    notice = page.locator(".jp-EmrNotice").get_by_role("alert")
    expect(notice).to_contain_text("attach")
    expect(page.get_by_role("button", name="EMR: Not attached")).to_be_visible()
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    notice.get_by_role("button", name="Choose a compute …").click()
    choose(page, "open")
    page.get_by_role("button", name="Attach to this notebook").click()
    expect(page.get_by_role("button", name="EMR: open, Idle")).to_be_visible()
    expect(notice).to_have_count(0)
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").last).to_have_text("42\n")


def test_by_keyboard_alone(lab: str, folder: Path, page: Page) -> None:
    write_notebook(folder / "keys.ipynb", "python3", "1")
    open_panel(page, f"{lab}/lab/tree/panel/keys.ipynb?reset")
    computes = page.get_by_role("listbox", name="Computes")
    expect(computes.get_by_role("option", name="open", exact=True)).to_be_visible()
    page.get_by_role("searchbox", name="Filter computes").focus()
    page.keyboard.type("open")
    expect(computes.get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(computes).to_be_focused()
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Attach to this notebook")
    expect(button).to_be_enabled()
    for _ in range(12):
        if button.evaluate("button => button === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("panel/keys.ipynb is attached.")).to_be_visible()


def test_an_endpoint_of_eks_and_then_two_roles_of_a_cluster(lab: str, folder: Path, page: Page) -> None:
    write_notebook(folder / "moves.ipynb", "python3", "print(spark.range(7).count())")
    open_panel(page, f"{lab}/lab/tree/panel/moves.ipynb?reset")
    choose(page, "notebooks")
    attach(page, "panel/moves.ipynb")
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").last).to_have_text("7\n")

    choose(page, "analytics")
    for role, difference, restart in (
        ("EMRAnalyst", "attached to analytics", "Restart on analytics"),
        ("EMREngineer", "runs as EMRAnalyst; attached as EMREngineer", "Restart under EMREngineer"),
    ):
        role_box(page).fill(role)
        attach(page, "panel/moves.ipynb")
        elsewhere = page.locator(".jp-EmrNotice").get_by_role("alert")
        expect(elsewhere).to_contain_text(difference)
        elsewhere.get_by_role("button", name=restart).click()
        chip = page.get_by_role("button", name=f"EMR: analytics · {role}, Idle")
        expect(chip).to_be_visible()
        expect(elsewhere).to_have_count(0)
