"""Restart & Run All shows the new run alone, and what a user cleared stays cleared."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import visit
from tests.browser.panel import until
from tests.conftest import Sandbox
from tests.sandbox.notebooks import read_while_written, write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab

CODES = [
    "import os\nruns = globals().get('runs', 0) + 1\nwho = f'{runs} {os.getpid()}'\nprint('A', who)",
    "1 / 0 if runs > 1 else print('B', who)",
    "import time; time.sleep(2); print('C', who)",
]


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder attached to `open`."""
    return root / "recording"


def outputs(page: Page) -> list[str]:
    """Return what each cell shows."""
    cells = page.locator(".jp-Notebook .jp-CodeCell").all()
    return ["".join(cell.locator(".jp-OutputArea-output").all_text_contents()) for cell in cells]


def another_kernel(page: Page, former: str = "") -> str:
    """Wait until all cells have run in another kernel, once; return which one, as they print it."""
    until(lambda: outputs(page)[2].startswith("C ") and not (former and former in outputs(page)[2]), 180)
    expect(page.locator(".jp-InputPrompt").nth(2)).to_have_text("[3]:")
    page.wait_for_timeout(3000)
    kernel = outputs(page)[2].split()[-1]
    assert outputs(page) == [f"{cell} 1 {kernel}\n" for cell in "ABC"]
    return kernel


def choose(page: Page, menu: str, item: str) -> None:
    """Choose an item of JupyterLab's main menu."""
    page.locator(".lm-MenuBar-itemLabel", has_text=menu).first.click()
    page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()


def save(page: Page) -> None:
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)


def test_restarts_show_the_new_run_alone_and_what_was_cleared_stays_so_also_when_one_fails(
    lab: str, folder: Path, page: Page, sandbox: Sandbox
) -> None:
    path = write_notebook(folder / "again.ipynb", "emr-python", *CODES)
    visit(page, lab, "recording/again.ipynb")
    expect(page.get_by_text("Python on EMR | Idle")).to_be_visible()
    choose(page, "Run", "Run All Cells")
    first = another_kernel(page)

    choose(page, "Kernel", "Restart Kernel and Run All Cells…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    second = another_kernel(page, first)
    save(page)
    assert [cell.outputs[0].text for cell in read_while_written(path).cells] == [
        f"{cell} 1 {second}\n" for cell in "ABC"
    ]

    choose(page, "Kernel", "Restart Kernel and Clear Outputs of All Cells…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(page.locator(".jp-OutputArea-output")).to_have_count(0)
    save(page)

    sandbox.fault("error-500", "--compute", "open")
    try:
        choose(page, "Kernel", "Restart Kernel…")
        page.locator(".jp-Dialog .jp-mod-accept").click()
        told = page.locator(".jp-EmrNotice").get_by_role("alert")
        expect(told).to_contain_text("The kernel could not be restarted")
        expect(told).to_contain_text("HTTP 500")
        expect(told).to_contain_text("See the gateway's own log")
        expect(page.locator(".jp-Dialog")).to_have_count(0)
        stays_cleared(page, lab, path)  # whoever opens the notebook now is let in
        expect(page.get_by_role("button", name="EMR: open, Idle")).to_be_visible()
    finally:
        sandbox.fault("--off")
    choose(page, "Kernel", "Restart Kernel and Run All Cells…")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    another_kernel(page, second)


def stays_cleared(page: Page, lab: str, path: Path) -> None:
    """Open the notebook anew, and see that it has no outputs, in the tab and in the file."""
    page.goto(f"{lab}/lab/tree/recording/{path.name}?reset")
    expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible()
    page.wait_for_timeout(6000)
    assert outputs(page) == ["", "", ""]
    assert [cell.outputs for cell in read_while_written(path).cells] == [[], [], []]


@pytest.mark.full
def test_what_was_cleared_without_a_restart_stays_cleared(lab: str, folder: Path, page: Page) -> None:
    path = write_notebook(folder / "cleared.ipynb", "emr-python", *CODES)
    visit(page, lab, "recording/cleared.ipynb")
    expect(page.get_by_text("Python on EMR | Idle")).to_be_visible()
    choose(page, "Run", "Run All Cells")
    another_kernel(page)
    choose(page, "Edit", "Clear Outputs of All Cells")
    expect(page.locator(".jp-OutputArea-output")).to_have_count(0)
    save(page)
    stays_cleared(page, lab, path)
