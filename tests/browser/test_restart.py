"""Restart & Run All shows the new run alone, and what a user cleared stays cleared."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Sandbox
from tests.sandbox.notebooks import read_while_written, write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab

CODES = [
    "runs = globals().get('runs', 0) + 1\nprint('A', runs)",
    "1 / 0 if runs > 1 else print('B', runs)",
    "import time; time.sleep(2); print('C', runs)",
]


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder attached to `open`."""
    return root / "recording"


def outputs(page: Page) -> list[str]:
    """Return what each cell shows."""
    cells = page.locator(".jp-Notebook .jp-CodeCell").all()
    return ["".join(cell.locator(".jp-OutputArea-output").all_text_contents()) for cell in cells]


def open_and_run(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.get_by_text("Python on EMR | Idle")).to_be_visible()
    choose(page, "Run", "Run All Cells")
    expect(page.locator(".jp-Notebook")).to_contain_text("C 1")


def choose(page: Page, menu: str, item: str) -> None:
    """Choose an item of JupyterLab's main menu."""
    page.locator(".lm-MenuBar-itemLabel", has_text=menu).first.click()
    page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()


def save(page: Page) -> None:
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)


def test_restart_and_run_all_shows_the_new_run_alone(lab: str, folder: Path, page: Page) -> None:
    path = write_notebook(folder / "again.ipynb", "emr-python", *CODES)
    open_and_run(page, f"{lab}/lab/tree/recording/again.ipynb?reset")
    for _ in range(2):
        choose(page, "Kernel", "Restart Kernel and Run All Cells…")
        page.locator(".jp-Dialog .jp-mod-accept").click()
        expect(page.locator(".jp-InputPrompt").nth(2)).to_have_text("[*]:", timeout=20_000)
        expect(page.locator(".jp-InputPrompt").nth(2)).to_have_text("[3]:")
        page.wait_for_timeout(3000)
        assert outputs(page) == ["A 1\n", "B 1\n", "C 1\n"]
    save(page)
    assert [cell.outputs[0].text for cell in read_while_written(path).cells] == ["A 1\n", "B 1\n", "C 1\n"]


@pytest.mark.parametrize(
    "restart", [pytest.param(False, marks=pytest.mark.full), True], ids=["cleared", "restarted and cleared"]
)
def test_what_the_user_cleared_and_saved_stays_cleared(lab: str, folder: Path, page: Page, restart: bool) -> None:
    path = write_notebook(folder / f"cleared-{restart}.ipynb", "emr-python", *CODES)
    open_and_run(page, f"{lab}/lab/tree/recording/{path.name}?reset")
    if restart:
        choose(page, "Kernel", "Restart Kernel and Clear Outputs of All Cells…")
        page.locator(".jp-Dialog .jp-mod-accept").click()
    else:
        page.wait_for_timeout(3000)
        choose(page, "Edit", "Clear Outputs of All Cells")
    expect(page.locator(".jp-OutputArea-output")).to_have_count(0)
    save(page)
    page.reload()
    expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible()
    page.wait_for_timeout(6000)
    assert outputs(page) == ["", "", ""]
    end = [cell.outputs for cell in read_while_written(path).cells]
    assert end == [[], [], []]


def test_a_restart_that_fails_says_why_and_the_next_one_works(
    lab: str, folder: Path, page: Page, sandbox: Sandbox
) -> None:
    path = write_notebook(folder / "refused.ipynb", "emr-python", *CODES)
    open_and_run(page, f"{lab}/lab/tree/recording/{path.name}?reset")
    sandbox.fault("error-500", "--compute", "open")
    try:
        choose(page, "Kernel", "Restart Kernel…")
        page.locator(".jp-Dialog .jp-mod-accept").click()
        told = page.locator(".jp-EmrNotice").get_by_role("alert")
        expect(told).to_contain_text("The kernel could not be restarted")
        expect(told).to_contain_text("HTTP 500")
        expect(told).to_contain_text("See the gateway's own log")
        expect(page.locator(".jp-Dialog")).to_have_count(0)
        page.reload()  # whoever opens the notebook now is let in
        expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible()
        expect(page.get_by_role("button", name="EMR: open, Idle")).to_be_visible()
    finally:
        sandbox.fault("--off")
    choose(page, "Kernel", "Restart Kernel and Run All Cells…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(page.locator(".jp-InputPrompt").nth(2)).to_have_text("[*]:")
    expect(page.locator(".jp-InputPrompt").nth(2)).to_have_text("[3]:")
    assert outputs(page) == ["A 1\n", "B 1\n", "C 1\n"]
