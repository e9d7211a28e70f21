"""The panel beside a notebook: from its notice, by the keyboard, from one compute and role to another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import visit
from tests.browser.panel import attach, choose, open_panel, role_box
from tests.sandbox.notebooks import write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder that is attached to nothing."""
    folder = root / "panel"
    folder.mkdir(exist_ok=True)
    return folder


def test_a_notebook_without_an_attachment_says_so_and_can_be_attached(lab: str, folder: Path, page: Page) -> None:
    write_notebook(folder / "nowhere.ipynb", "emr-python", "print(6 * 7)")
    visit(page, lab, "panel/nowhere.ipynb")
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
    open_panel(page, lab, "panel/keys.ipynb")
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
    page.get_by_role("searchbox", name="Filter computes").fill("")


def test_an_endpoint_of_eks_and_then_two_roles_of_a_cluster(lab: str, folder: Path, page: Page) -> None:
    write_notebook(folder / "moves.ipynb", "python3", "print(spark.range(7).count())")
    open_panel(page, lab, "panel/moves.ipynb")
    choose(page, "notebooks")
    attach(page, "panel/moves.ipynb")
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").last).to_have_text("7\n")

    choose(page, "analytics")
    notice = page.locator(".jp-EmrNotice").get_by_role("alert")
    for role, says, attached, restart in (
        ("EMRAnalyst", "attached to analytics", "to analytics", "Restart on analytics"),
        (
            "EMREngineer",
            "The kernel runs as EMRAnalyst; attached as EMREngineer.",
            "as EMREngineer",
            "Restart under EMREngineer",
        ),
    ):
        role_box(page).fill(role)
        attach(page, "panel/moves.ipynb")
        expect(notice).to_contain_text(says)
        chip = page.get_by_role("button", name="EMR:")
        expect(chip).to_have_accessible_name(re.compile(f"^EMR: .* ≠, Idle · attached {attached}$"))
        notice.get_by_role("button", name=restart).click()
        expect(chip).to_have_accessible_name(f"EMR: analytics · {role}, Idle")
        expect(notice).to_have_count(0)


COMPUTES = {"open": ("", ""), "old": ("", "hadoop 7\n"), "interactive": ("EMRAnalyst", "emranalyst 7\n")}


@pytest.mark.parametrize(
    "computes",
    [["open", "interactive"], pytest.param(["old", "interactive"], marks=pytest.mark.full)],
)
def test_from_a_cluster_to_a_serverless_application(lab: str, folder: Path, page: Page, computes: list[str]) -> None:
    """From a gateway, and from Livy; with Spark's answer on each in the latter, where a session starts."""
    write_notebook(folder / "livy.ipynb", "python3", "print(sc.sparkUser(), sc.parallelize(range(7), 1).count())")
    open_panel(page, lab, "panel/livy.ipynb")
    chip = page.get_by_role("button", name="EMR:")
    for compute in computes:
        role, says = COMPUTES[compute]
        choose(page, compute)
        if role:
            role_box(page).fill(role)
        attach(page, "panel/livy.ipynb")
        if compute != computes[0]:  # a kernel runs on the other one
            page.locator(".jp-EmrNotice").get_by_role("button", name=f"Restart on {compute}").click()
        # It has answered the browser: only then JupyterLab knows it as idle.
        expect(chip).to_have_accessible_name(f"EMR: {compute}{f' · {role}' if role else ''}, Idle")
        if "old" in computes:
            page.locator(".jp-Notebook .jp-CodeCell").first.click()
            page.keyboard.press("Shift+Enter")
            expect(page.locator(".jp-OutputArea-output").last).to_contain_text(says)
