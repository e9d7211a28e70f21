"""A real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.lab import serving_lab
from tests.conftest import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE_MS = 180_000  # beside six busy processes the start of a kernel takes over a minute

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A headless Chromium (Debian's); for one test, since pytest-jupyter cannot end a loop beside Playwright's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Page:
    """A page of it, with patience."""
    expect.set_options(timeout=PATIENCE_MS)
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE_MS)
    return page


@pytest.fixture(scope="package")
def root(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JupyterLab's folder: the demo in one attached to `analytics`, and an empty one attached to `open`."""
    root = tmp_path_factory.mktemp("lab")
    role = next(arn for arn in sandbox.status["roles"] if arn.endswith("EMRAnalyst"))
    for folder, words in (("demo", ("analytics", "--runtime-role", role)), ("recording", ("open",))):
        (root / folder).mkdir()
        done = sandbox.cli("attach", words[0], str(root / folder), *words[1:])
        assert done.returncode == 0, done.stderr
    shutil.copy(EXAMPLES / "demo.ipynb", root / "demo")
    return root


@pytest.fixture(scope="package")  # its kernels would ask for credentials beside other tests
def lab(sandbox: Sandbox, root: Path) -> Iterator[str]:
    """The address of a JupyterLab server."""
    with serving_lab(sandbox, root) as lab:
        yield lab.url
