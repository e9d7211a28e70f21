"""What stands around the panel: the stage of a start and its cancel, the launcher, drag and drop."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import visit
from tests.browser.panel import option, until
from tests.conftest import Sandbox
from tests.sandbox.notebooks import write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder that is attached to nothing."""
    folder = root / "around"
    folder.mkdir(exist_ok=True)
    return folder


def run_first_cell(page: Page) -> None:
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")


def menu(page: Page, *labels: str) -> None:
    """Choose an item of the main menu, by the labels on the way to it."""
    page.locator(".lm-MenuBar-itemLabel").get_by_text(labels[0], exact=True).click()
    for label in labels[1:]:
        page.locator(".lm-Menu-itemLabel").get_by_text(label, exact=True).click()


def test_a_start_says_its_stage_and_is_cancelled(lab: str, folder: Path, page: Page, sandbox: Sandbox) -> None:
    path = write_notebook(folder / "slow.ipynb", "emr-python", "print(int(input()) * 7)")
    assert sandbox.cli("attach", "open", str(path)).returncode == 0
    sandbox.fault("slow:4000", "--compute", "open")
    try:
        visit(page, lab, "around/slow.ipynb")
        chip = page.get_by_role("button", name="EMR:")
        expect(chip).to_have_accessible_name(re.compile(r"EMR: open, Starting \d of 4: [a-z ]+, \d+ s"))
        run_first_cell(page)
        waiting = page.locator(".jp-CodeCell").first.get_by_role("status")
        expect(waiting).to_contain_text(re.compile(r"waits for the kernel: [a-z ]+, \d+ s"))
        page.get_by_role("button", name="Cancel start").click()
        notice = page.locator(".jp-EmrNotice").get_by_role("alert")
        expect(notice).to_contain_text("was cancelled")
    finally:
        sandbox.fault("slow", "--off")
    expect(waiting).to_have_count(0)
    known = page.request.get(f"{lab}/jupyter-emr-connect/kernels?check=false&notebooks=true").json()
    assert "around/slow.ipynb" not in [one["notebook"] for one in known["starts"]]
    notice.get_by_role("button", name="Try again").click()
    expect(chip).to_have_accessible_name("EMR: open, Idle")
    run_first_cell(page)
    expect(chip).to_have_accessible_name(re.compile(r"EMR: open, Busy \d+:\d\d"))
    page.locator(".jp-Stdin-input").fill("6")
    page.keyboard.press("Enter")
    expect(page.locator(".jp-OutputArea-output").last).to_have_text("42\n")
    expect(chip).to_have_accessible_name("EMR: open, Idle")


def test_a_card_of_the_launcher_opens_a_notebook_on_its_compute(
    lab: str, root: Path, page: Page, sandbox: Sandbox
) -> None:
    before = set(root.glob("*.ipynb"))
    visit(page, lab)
    cards = page.locator(".jp-LauncherCard[data-category='EMR']")
    sandbox.fault("no-gateway", "--compute", "open")
    try:
        cards.filter(has_text="Python on EMR · open").click()
        failed = page.locator(".jp-EmrFailed")
        expect(failed.get_by_role("alert")).to_contain_text("gateway")
        expect(cards.first).to_be_visible()  # the launcher stands, and no notebook is left behind
        expect(page.locator(".jp-Notebook")).to_have_count(0)
        until(lambda: set(root.glob("*.ipynb")) == before)
    finally:
        sandbox.fault("no-gateway", "--compute", "open", "--off")
    failed.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="EMR:")).to_have_accessible_name("EMR: open, Idle")
    page.locator(".jp-Notebook .jp-CodeCell").first.click()
    page.keyboard.type("print(6 * 7)")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").last).to_have_text("42\n")
    expect(page.locator("#jp-bottom-panel").get_by_role("button", name="EMR open")).to_be_visible()


def test_a_compute_dropped_on_a_notebook_is_attached(lab: str, folder: Path, page: Page) -> None:
    write_notebook(folder / "dropped.ipynb", "python3", "1")
    visit(page, lab, "around/dropped.ipynb")
    menu(page, "Kernel", "EMR", "EMR: Show Computes")
    # Before the list is complete its rows move, also under a mouse that drags one.
    expect(page.locator(".jp-EmrAge")).to_contain_text("as of")
    option(page, "open").drag_to(page.locator(".jp-Notebook"))
    expect(page.get_by_text("around/dropped.ipynb is attached.")).to_be_visible()
    expect(page.get_by_role("button", name="EMR: open")).to_have_accessible_name(re.compile("Idle$"))
