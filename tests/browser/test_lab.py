"""JupyterLab in a real browser: the four kernels beside the local one, and one of them at work."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.conftest import Sandbox

pytestmark = pytest.mark.sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def lab(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a JupyterLab server with the demo notebook attached to ``analytics``; give its address."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(EXAMPLES / "demo.ipynb", folder)
    role = next(arn for arn in sandbox.status["roles"] if arn.endswith("EMRAnalyst"))
    attached = sandbox.cli("attach", "analytics", str(folder), "--runtime-role", role)
    assert attached.returncode == 0, attached.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}", f"--notebook-dir={folder}"]
    command += ["--IdentityProvider.token=", "--LabApp.news_url=", "--ServerApp.port_retries=0"]
    log = (folder / "lab.log").open("w")
    server = subprocess.Popen(command, env=sandbox.env, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{url}/api", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, (folder / "lab.log").read_text()
                time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(60)
        log.close()


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of a headless Chromium (Debian's)."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser.new_page(viewport={"width": 1400, "height": 1000})
        browser.close()


def shoot(page: Page, name: str) -> None:
    """Keep a screenshot where ``EMR_SCREENSHOTS`` says, for a look at what users see."""
    if folder := os.environ.get("EMR_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_the_launcher_offers_our_kernels_beside_the_local_one(lab: str, page: Page) -> None:
    page.goto(f"{lab}/lab?reset")
    cards = page.locator(".jp-LauncherCard[data-category='Notebook']")
    for name in ("EMR PySpark", "EMR Spark (Scala)", "EMR SparkR", "EMR Python", "Python 3 (ipykernel)"):
        expect(cards.filter(has_text=name)).to_be_visible(timeout=60_000)
    shoot(page, "launcher")


def test_an_attached_notebook_runs_on_spark_under_its_role(lab: str, page: Page) -> None:
    page.goto(f"{lab}/lab/tree/demo.ipynb?reset")
    expect(page.get_by_text("EMR PySpark | Idle")).to_be_visible(timeout=90_000)
    page.locator(".lm-MenuBar-itemLabel").get_by_text("Run", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True).click()
    expect(page.locator(".jp-OutputArea-output").filter(has_text="as user emranalyst")).to_be_visible(timeout=180_000)
    shoot(page, "notebook")
