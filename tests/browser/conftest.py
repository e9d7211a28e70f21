"""A real browser."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from tests.browser.lab import Lab, serving_lab
from tests.conftest import Sandbox

log = logging.getLogger(__name__)

EXAMPLES = Path(__file__).parents[2] / "examples"
VIEWPORT: ViewportSize = {"width": 1400, "height": 1000}
# What JupyterLab and its kernels' connections are at, those private things included that no picture shows.
STATE = """() => {
  const {shell} = window.jupyterapp;
  return [...shell.widgets('main')].filter(one => one.sessionContext).map(one => {
    const {session, kernelDisplayStatus, isReady, _pendingSessionRequest: asked} = one.sessionContext;
    const kernel = session?.kernel;
    const {id, status, connectionStatus, isDisposed, _kernelSession, _isRestarting, _reason} = kernel ?? {};
    const waiting = (kernel?._pendingMessages ?? []).map(one => one.header.msg_type);
    const futures = [...(kernel?._futures?.values() ?? [])].map(one => one.msg.header.msg_type);
    const state = {id, status, connectionStatus, isDisposed, _kernelSession, _isRestarting, _reason, waiting, futures};
    return {path: one.context?.path, kernelDisplayStatus, isReady, asked, ...state};
  });
}"""
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
def jp_asyncio_loop() -> None:
    """Leave out the loop that pytest-jupyter has for each test: it could not close one beside Playwright's."""


@pytest.fixture
def jp_server_cleanup() -> None:
    """Leave out what pytest-jupyter does after each test, which takes such a loop."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium (Debian's)."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> BrowserContext:
    """One user's windows, with patience."""
    context = browser.new_context(viewport=VIEWPORT, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    return context


@pytest.fixture(scope="package")
def kept() -> list[Page]:
    """The page that a test left to the next one, if any."""
    return []


@pytest.fixture
def page(context: BrowserContext, kept: list[Page], request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page, perhaps with JupyterLab as the test before left it, for :func:`tests.browser.lab.visit`.

    A test that fails leaves none.
    """
    failed = request.session.testsfailed
    if not kept or kept[0].is_closed():
        kept[:] = [context.new_page()]
    page = kept[0]
    page.set_viewport_size(VIEWPORT)
    yield page
    if request.session.testsfailed > failed and not page.is_closed():
        if page.evaluate("() => Boolean(window.jupyterapp)"):
            for state in page.evaluate(STATE):
                log.error("%s", state)  # pytest shows it with the failure
        page.close()


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
def served(sandbox: Sandbox, root: Path) -> Iterator[Lab]:
    """A JupyterLab server, which backs up the folder `backups` without waiting for more changes."""
    location = f"--EMRConnect.backup_locations=backups=s3://emr-sandbox-notebooks/{root.name}"
    with serving_lab(sandbox, root, location, "--EMRConnect.backup_pause=0", exit_by="detach") as lab:
        yield lab
    done = sandbox.cli("kernels", "prune", "--yes", "--older-than", "0")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def lab(served: Lab) -> str:
    """The address of the JupyterLab server, which is started anew where a test has left it killed."""
    served.start()
    return served.url
