"""A tab that stays open while its server is killed and comes back: same kernel, same cell, every line once."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.lab import free_port, serving_lab
from tests.browser.test_recording import ALL, CODE, pytestmark, run_first_cell, shown, wait_for
from tests.conftest import Sandbox
from tests.sandbox.notebooks import write_notebook

__all__ = ["pytestmark"]


def run_second_cell(page: Page, code: str) -> None:
    page.locator(".jp-Cell").nth(1).locator(".cm-content").click()
    page.keyboard.type(code)
    page.keyboard.press("Shift+Enter")


def test_an_open_tab_goes_on_after_its_server_was_killed(sandbox: Sandbox, tmp_path: Path, browser: Browser) -> None:
    write_notebook(tmp_path / "n.ipynb", "emr-python", CODE, "")
    assert sandbox.cli("attach", "open", str(tmp_path)).returncode == 0
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    port = free_port()
    with serving_lab(sandbox, tmp_path, port=port, killed=True) as url:
        run_first_cell(page, f"{url}/lab/tree/n.ipynb?reset")
    with serving_lab(sandbox, tmp_path, port=port):
        expect(page.get_by_text("EMR Python | Idle")).to_be_visible(timeout=120_000)
        wait_for(page, lambda: shown(page) == ALL)
        run_second_cell(page, "print('number is', number)")
        expect(page.locator(".jp-Cell").nth(1)).to_contain_text("number is 79", timeout=60_000)
        page.close()
    for row in sandbox.json("kernels"):
        if row["path"] == str(tmp_path / "n.ipynb"):
            assert sandbox.cli("kernels", "shutdown", row["kernel_id"]).returncode == 0
    sandbox.cli("detach", str(tmp_path))
