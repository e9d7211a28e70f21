"""A JupyterLab server for a browser to look at."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.conftest import Sandbox
from tests.free_ports import free_port

STARTS_WITHIN = 60
# It is here for its own tests; without a front end that uses it, it ends with a traceback (3.0.4).
WITHOUT_ROOMS = "--ServerApp.jpserver_extensions={'jupyter_server_ydoc': False}"


# Ends what another test left open, and opens a notebook, or the launcher where the path is empty. The launcher stands
# meanwhile, for JupyterLab would put one there by itself a moment after the last document is gone.
OPEN = """async path => {
  const {commands, serviceManager, shell} = window.jupyterapp;
  shell.activateById('filebrowser');
  shell.collapseRight();
  const before = [...shell.widgets('main')];
  const launcher = await commands.execute('launcher:create', {cwd: ''});
  before.forEach(widget => widget.dispose());
  await serviceManager.sessions.shutdownAll();
  if (path) {
    await commands.execute('docmanager:open', {path});
    launcher.dispose();
  }
}"""


@dataclass
class Lab:
    """A server that can be killed and started again at its port."""

    url: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it unless it runs, and wait until it answers."""
        if self.process and self.process.poll() is None:
            return
        with self.log.open("a") as log:
            self.process = subprocess.Popen(self.command, env=self.env, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/api", timeout=5).close()
                return
            except (urllib.error.URLError, ConnectionError):
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < end, self.log.read_text()
                time.sleep(0.5)

    def kill(self) -> None:
        """End it at once."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """End it in good order."""
        if self.process:
            self.process.terminate()
            self.process.wait(90)


def visit(page: Page, lab: str, path: str = "", *, fresh: bool = False) -> None:
    """Show a notebook alone in the page's JupyterLab, or the launcher; no session that another test left goes on.

    JupyterLab is loaded where the page does not have it yet, which takes 7 s of a core. What a test has set in the EMR
    panel stays: it takes back a filter or a profile itself. Whoever needs the panel as it is at first has it ``fresh``.
    """
    if fresh or not page.url.startswith(f"{lab}/lab"):
        page.goto(f"{lab}/lab?reset")
        expect(page.locator(".jp-Launcher")).to_be_visible()
    page.evaluate(OPEN, path)
    if path:
        expect(page.locator(".jp-Notebook")).to_be_visible()


@contextmanager
def serving_lab(
    sandbox: Sandbox,
    folder: Path,
    *words: str,
    exit_by: str = "shutdown",
    program: Sequence[str] = ("jupyter", "lab"),
) -> Iterator[Lab]:
    """Run JupyterLab in a folder; ``words`` are more options, ``exit_by`` what becomes of its kernels when it stops.

    ``program`` may be another front end's server.
    """
    port = free_port()
    command = [*program, "--no-browser", "--allow-root", f"--port={port}", f"--notebook-dir={folder}"]
    command += ["--IdentityProvider.token=", "--LabApp.news_url=", "--ServerApp.port_retries=0", WITHOUT_ROOMS]
    command += [f"--EMRConnect.on_server_exit={exit_by}", "--LabApp.expose_app_in_browser=True", *words]
    lab = Lab(f"http://127.0.0.1:{port}", command, sandbox.env, folder / "lab.log")
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()
