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
from tests.browser.panel import attach, choose, open_panel, role_box
from tests.conftest import Sandbox
from tests.sandbox.notebooks import write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab

WHO = "print('I am', spark.sparkContext.sparkUser(), spark.sparkContext.applicationId)"


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder that is attached to nothing."""
    folder = root / "together"
    folder.mkdir(exist_ok=True)
    return folder


def role_of(sandbox: Sandbox, name: str) -> str:
    """Return the ARN of a role of the sandbox."""
    return next(arn for arn in sandbox.status["roles"] if arn.endswith(f"/{name}"))


def write_attached(path: Path, kernel: str, code: str, sandbox: Sandbox, *words: str) -> None:
    """Write a notebook and attach it; ``words`` are what `jupyter emr attach` takes, but the path."""
    write_notebook(path, kernel, code)
    done = sandbox.cli("attach", words[0], str(path), *words[1:])
    assert done.returncode == 0, done.stderr


def test_two_notebooks_on_two_clusters_have_each_the_answer_of_its_own(
    lab: str, folder: Path, page: Page, sandbox: Sandbox
) -> None:
    analyst = role_of(sandbox, "EMRAnalyst")
    write_attached(folder / "first.ipynb", "emr-pyspark", WHO, sandbox, "open")
    write_attached(folder / "second.ipynb", "emr-pyspark", WHO, sandbox, "analytics", "--runtime-role", analyst)
    page.set_viewport_size({"width": 2600, "height": 1000})  # so that both toolbars have room for their chips
    page.goto(f"{lab}/lab/tree/together/first.ipynb?reset")
    expect(page.locator(".jp-Notebook")).to_be_visible()
    beside = {"path": "together/second.ipynb", "options": {"mode": "split-right"}}
    page.evaluate("args => void window.jupyterapp.commands.execute('docmanager:open', args)", beside)
    notebooks = {
        compute: page.locator(".jp-NotebookPanel").filter(has=page.get_by_role("button", name=f"EMR: {compute}"))
        for compute in ("open", "analytics")
    }
    for notebook in notebooks.values():  # the cells wait for their kernels, and run at once
        notebook.locator(".jp-CodeCell").first.click()
        page.keyboard.press("Shift+Enter")
    said = {}
    for compute, notebook in notebooks.items():
        output = notebook.locator(".jp-OutputArea-output").last
        expect(output).to_contain_text("I am", timeout=240_000)
        said[compute] = output.inner_text().split()[-2:]
    assert said["analytics"][0] == "emranalyst"
    assert said["open"][0] != "emranalyst"
    assert said["open"][1] != said["analytics"][1]  # two applications of Spark
    expect(page.get_by_role("button", name="EMR: open, Idle")).to_be_visible()
    expect(page.get_by_role("button", name="EMR: analytics · EMRAnalyst, Idle")).to_be_visible()


def test_two_browsers_are_in_step_and_hear_of_the_terminal(
    lab: str, folder: Path, browser: Browser, sandbox: Sandbox
) -> None:
    write_attached(folder / "tabs.ipynb", "emr-python", "1", sandbox, "open")
    first, second = (browser.new_page(viewport={"width": 1400, "height": 1000}) for _ in range(2))
    for page in (first, second):
        open_panel(page, f"{lab}/lab/tree/together/tabs.ipynb?reset")
        expect(page.get_by_role("button", name="EMR: open, Idle")).to_be_visible()
    choose(first, "analytics")
    role_box(first).fill("EMRAnalyst")
    attach(first, "together/tabs.ipynb")
    elsewhere = second.get_by_role("button", name="EMR: open ≠, Idle · attached to analytics")
    expect(elsewhere).to_be_visible()
    expect(second.get_by_text("together/tabs.ipynb → analytics · EMRAnalyst")).to_be_visible()

    assert sandbox.cli("attach", "open", str(folder / "tabs.ipynb")).returncode == 0
    for page in (first, second):
        expect(page.get_by_role("button", name="EMR: open, Idle")).to_be_visible()
        page.close()


def test_kernels_that_are_there_no_more_are_pruned(lab: str, folder: Path, page: Page, sandbox: Sandbox) -> None:
    compute = sandbox.compute("open")
    lost: dict[str, Any] = {"path": str(folder / "lost.ipynb"), "region": "us-east-1", "persistent": True}
    ledger = Ledger(Database(Path(sandbox.env["JUPYTER_DATA_DIR"]) / "emr-connect" / "state.sqlite"))
    ledger.add(
        KernelRecord(str(uuid.uuid4()), compute["id"], "emr-python", compute["gateway_url"], state="detached", **lost)
    )
    write_notebook(folder / "other.ipynb", "python3", "1")
    open_panel(page, f"{lab}/lab/tree/together/other.ipynb?reset")
    kernels = page.get_by_role("region", name="Kernels")
    row = kernels.get_by_role("listitem").filter(has_text="together/lost.ipynb")
    expect(row).to_contain_text("gone")  # its gateway was asked
    others = kernels.get_by_role("listitem").filter(has_not_text="gone").count()
    kernels.get_by_role("button", name="Prune").click()
    expect(row).to_have_count(0)
    expect(kernels.get_by_role("listitem")).to_have_count(others)
