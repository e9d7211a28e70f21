"""Several notebooks, tabs and clusters at once, and kernels that are there no more."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.browser.lab import visit
from tests.browser.panel import attach, choose, open_panel, role_box
from tests.conftest import Sandbox
from tests.sandbox.notebooks import write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab

WHO = "import os; print('I am', os.environ.get('KERNEL_USERNAME'))"


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder that is attached to nothing."""
    folder = root / "together"
    folder.mkdir(exist_ok=True)
    return folder


def write_attached(path: Path, kernel: str, code: str, sandbox: Sandbox, *words: str) -> None:
    """Write a notebook and attach it; ``words`` are what `jupyter emr attach` takes, but the path."""
    write_notebook(path, kernel, code)
    done = sandbox.cli("attach", words[0], str(path), *words[1:])
    assert done.returncode == 0, done.stderr


def test_two_notebooks_on_two_clusters_have_each_the_answer_of_its_own(
    lab: str, folder: Path, page: Page, sandbox: Sandbox
) -> None:
    """One of them is the project's demo, with Spark on a folder's compute and role."""
    write_attached(folder / "first.ipynb", "emr-python", WHO, sandbox, "open")
    page.set_viewport_size({"width": 2600, "height": 1000})  # so that both toolbars have room for their chips
    visit(page, lab, "together/first.ipynb")
    beside = {"path": "demo/demo.ipynb", "options": {"mode": "split-right"}}
    page.evaluate("args => void window.jupyterapp.commands.execute('docmanager:open', args)", beside)
    notebooks = {
        compute: page.locator(".jp-NotebookPanel").filter(has=page.get_by_role("button", name=f"EMR: {compute}"))
        for compute in ("open", "analytics")
    }
    for notebook in notebooks.values():  # the cells wait for their kernels, and run at once
        notebook.locator(".jp-CodeCell").first.click()
        page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    first, demo = (notebook.locator(".jp-OutputArea-output") for notebook in notebooks.values())
    expect(demo.filter(has_text="as user emranalyst")).to_be_visible()
    expect(first.last).to_contain_text("I am")
    expect(first.last).not_to_contain_text("emranalyst")
    expect(page.get_by_role("button", name="EMR: open, Idle")).to_be_visible()
    expect(page.get_by_role("button", name="EMR: analytics · EMRAnalyst, Idle")).to_be_visible()


def test_two_browsers_are_in_step_and_hear_of_the_terminal(
    lab: str, folder: Path, page: Page, browser: Browser, sandbox: Sandbox
) -> None:
    write_attached(folder / "tabs.ipynb", "emr-python", "1", sandbox, "open")
    open_panel(page, lab, "together/tabs.ipynb")
    second = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    second.goto(f"{lab}/lab/tree/together/tabs.ipynb?reset")
    second.get_by_role("tab", name="EMR", exact=True).click()
    for one in (page, second):
        expect(one.get_by_role("button", name="EMR: open, Idle")).to_be_visible()
    choose(page, "analytics")
    role_box(page).fill("EMRAnalyst")
    attach(page, "together/tabs.ipynb")
    elsewhere = second.get_by_role("button", name="EMR: open ≠, Idle · attached to analytics")
    expect(elsewhere).to_be_visible()
    expect(second.get_by_text("together/tabs.ipynb → analytics · EMRAnalyst")).to_be_visible()

    assert sandbox.cli("attach", "open", str(folder / "tabs.ipynb")).returncode == 0
    for one in (page, second):
        expect(one.get_by_role("button", name="EMR: open, Idle")).to_be_visible()
    second.context.close()


def test_kernels_that_are_there_no_more_are_pruned(lab: str, folder: Path, page: Page, sandbox: Sandbox) -> None:
    compute = sandbox.compute("open")
    lost: dict[str, Any] = {"path": str(folder / "lost.ipynb"), "region": "us-east-1", "persistent": True}
    ledger = Ledger(Database(Path(sandbox.env["JUPYTER_DATA_DIR"]) / "emr-connect" / "state.sqlite"))
    ledger.add(
        KernelRecord(str(uuid.uuid4()), compute["id"], "emr-python", compute["gateway_url"], state="detached", **lost)
    )
    write_notebook(folder / "other.ipynb", "python3", "1")
    open_panel(page, lab, "together/other.ipynb")
    kernels = page.get_by_role("region", name="Kernels")
    row = kernels.get_by_role("listitem").filter(has_text="together/lost.ipynb")
    expect(row).to_contain_text("gone")  # its gateway was asked
    others = kernels.get_by_role("listitem").filter(has_not_text="gone").count()
    kernels.get_by_role("button", name="Prune").click()
    expect(row).to_have_count(0)
    expect(kernels.get_by_role("listitem")).to_have_count(others)
