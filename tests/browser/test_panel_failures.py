"""What fails is said in the panel and above the notebook, with its fix, and is over once it is mended."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.panel import attach, choose, open_panel, option
from tests.conftest import Sandbox
from tests.sandbox.notebooks import write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder that is attached to nothing."""
    folder = root / "failures"
    folder.mkdir(exist_ok=True)
    return folder


def test_what_aws_refuses_is_said_with_what_to_do(lab: str, folder: Path, page: Page, sandbox: Sandbox) -> None:
    write_notebook(folder / "refused.ipynb", "python3", "1")
    open_panel(page, lab, "failures/refused.ipynb")
    identity = page.get_by_role("region", name="Identity")
    profiles = identity.get_by_role("combobox", name="AWS profile")
    expect(option(page, "open")).to_be_visible()

    profiles.select_option("denied")
    alerts = page.locator(".jp-EmrComputes").get_by_role("alert")
    denied = alerts.filter(has_text="AWS does not let you list")
    expect(denied).to_have_count(1)
    expect(alerts.filter(has_text="role/EMRAccess")).to_have_count(1)  # the access role, which is another refusal
    expect(denied).to_contain_text("elasticmapreduce:ListClusters")
    expect(denied.get_by_role("button", name="Copy policy")).to_be_visible()
    profiles.select_option("developer")
    expect(option(page, "open")).to_be_visible()
    expect(alerts).to_have_count(0)

    sandbox.fault("expire-credentials")
    try:
        identity.get_by_role("button", name="Refresh").click()
        expect(identity.get_by_role("alert")).to_contain_text("expired")
        expect(identity.get_by_role("button", name="Copy command")).to_be_visible()
        expect(profiles).to_be_visible()
    finally:
        sandbox.fault("expire-credentials", "--off")
    identity.get_by_role("button", name="Try again").click()
    expect(identity).to_contain_text("user/developer")
    expect(identity.get_by_role("alert")).to_have_count(0)


def test_an_attachment_that_takes_long_is_cancelled(lab: str, folder: Path, page: Page, sandbox: Sandbox) -> None:
    write_notebook(folder / "cancelled.ipynb", "python3", "1")
    open_panel(page, lab, "failures/cancelled.ipynb")
    choose(page, "open")
    sandbox.fault("black-hole", "--compute", "open")
    try:
        page.get_by_role("button", name="Attach to this notebook").click()
        expect(page.locator(".jp-EmrProgress")).to_contain_text("Attaching failures/cancelled.ipynb")
        page.get_by_role("button", name="Cancel", exact=True).click()
        expect(page.locator(".jp-EmrProgress")).to_have_count(0)
    finally:
        sandbox.fault("black-hole", "--compute", "open", "--off")
    expect(page.get_by_text("failures/cancelled.ipynb is not attached.")).to_be_visible()
    attach(page, "failures/cancelled.ipynb")


def test_a_connection_that_is_cut_comes_back_and_a_kernel_that_is_gone_says_so(
    lab: str, folder: Path, page: Page, sandbox: Sandbox
) -> None:
    path = write_notebook(folder / "cut.ipynb", "emr-python", "print(6 * 7)")
    assert sandbox.cli("attach", "open", str(path)).returncode == 0
    open_panel(page, lab, "failures/cut.ipynb")
    idle = page.get_by_role("button", name="EMR: open, Idle")
    expect(idle).to_be_visible()

    sandbox.fault("black-hole", "--compute", "open")
    try:
        sandbox.fault("cut-sockets", "--compute", "open")
        expect(page.get_by_role("button", name="EMR: open, Reconnecting")).to_be_visible()
        expect(page.get_by_text("open has not answered since")).to_be_visible()
    finally:
        sandbox.fault("black-hole", "--compute", "open", "--off")
    expect(idle).to_be_visible()
    expect(page.get_by_text("open has not answered since")).to_have_count(0)

    sandbox.fault("kill-gateway", "--compute", "open")
    gone = page.locator(".jp-EmrNotice").get_by_role("alert")
    expect(gone).to_contain_text(re.compile("The kernel (is gone since|was gone at)"))
    expect(gone).to_contain_text("variables are lost")
    expect(idle).to_be_visible()
    expect(gone).to_contain_text("It was started again")  # by Jupyter
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    expect(gone).to_be_visible()
