"""A tab closed and opened again, a connection that drops, a server that is killed: each number stands there once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.browser.lab import Lab, visit
from tests.conftest import Sandbox
from tests.sandbox.notebooks import read_while_written, write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab

COUNT = 80
GATES = (40, 60)  # numbers before which the cell waits for a file
CODE = """import os, time
for number in range({count}):
    while number in {gates} and not os.path.exists(f"{gate}{{number}}"):
        time.sleep(0.1)
    print(number, flush=True)
    time.sleep(0.1)"""
ALL = "".join(f"{number}\n" for number in range(COUNT))


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder attached to `open`."""
    return root / "recording"


def counting(path: Path) -> Path:
    """Write a notebook with a cell that prints numbers, and waits at the gates."""
    return write_notebook(path, "emr-python", CODE.format(count=COUNT, gates=GATES, gate=path.with_suffix("")))


def open_gate(path: Path, number: int) -> None:
    """Let the cell go on."""
    path.with_name(f"{path.stem}{number}").touch()


def written(path: Path) -> str:
    """Return what the first cell shows in the file."""
    return "".join(output.get("text", "") for output in read_while_written(path).cells[0].outputs)


def shown(page: Page) -> str:
    """Return what the first cell shows in the browser."""
    return "".join(page.locator(".jp-Cell").first.locator(".jp-OutputArea-output").all_text_contents())


def wait_for(page: Page, holds: Callable[[], bool], within: float = 180) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, shown(page)
        page.wait_for_timeout(300)


def run_first_cell(page: Page) -> None:
    """Run it at once, as soon as it is seen: it waits for its kernel."""
    page.locator(".jp-Cell").first.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")


def save(page: Page) -> None:
    """Save, and see that JupyterLab asks nothing."""
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2000)
    expect(page.locator(".jp-Dialog")).to_have_count(0)


BAR = """import time
from ipywidgets import FloatProgress
from IPython.display import display
bar = FloatProgress(description="Progress:")
display(bar)
for step in range(8):
    bar.value = step / 8
    time.sleep(0.5)
print("between", flush=True)
bar.close()
print("done")"""


def test_a_finished_progress_bar_leaves_nothing_in_tab_and_file(lab: str, folder: Path, page: Page) -> None:
    """As sparkmagic shows one for each cell; it is drawn while it runs."""
    path = write_notebook(folder / "bar.ipynb", "emr-python", BAR)
    visit(page, lab, "recording/bar.ipynb")
    run_first_cell(page)
    expect(page.locator(".jp-Cell").first.locator(".widget-hprogress")).to_be_visible()
    expect(page.locator(".jp-InputPrompt").first).to_have_text("[1]:")
    wait_for(page, lambda: shown(page) == "between\ndone\n")
    save(page)
    (output,) = read_while_written(path).cells[0].outputs
    assert output.text == "between\ndone\n"


def test_a_tab_opened_again_catches_up_and_a_connection_that_drops_costs_and_asks_nothing(
    lab: str, folder: Path, page: Page
) -> None:
    path = counting(folder / "tab.ipynb")
    visit(page, lab, "recording/tab.ipynb")
    run_first_cell(page)
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("3\n")
    second = page.context.new_page()
    page.close()
    open_sockets: list[WebSocketRoute] = []
    down = False

    def route(socket: WebSocketRoute) -> None:
        if down:
            socket.close(code=3001)
        else:
            open_sockets.extend((socket, socket.connect_to_server()))

    second.route_web_socket(lambda url: "/channels" in url, route)
    wait_for(second, lambda: "39\n" in written(path))
    second.goto(f"{lab}/lab/tree/recording/tab.ipynb?reset")
    wait_for(second, lambda: "39\n" in shown(second))
    open_gate(path, 40)
    wait_for(second, lambda: "59\n" in shown(second))
    save(second)
    down = True
    for socket in open_sockets:
        socket.close(code=3001)
    open_gate(path, 60)
    wait_for(second, lambda: "79\n" in written(path))
    assert "79\n" not in shown(second)
    down = False
    wait_for(second, lambda: shown(second) == ALL)
    expect(second.locator(".jp-InputPrompt").first).to_have_text("[1]:")
    save(second)
    wait_for(second, lambda: written(path) == ALL)
    assert read_while_written(path).cells[0].execution_count == 1
    second.close()


def noted(sandbox: Sandbox, path: Path) -> bool:
    """Whether the ledger has a notebook's session, which is noted every 5 s."""
    state = Path(sandbox.env["JUPYTER_DATA_DIR"]) / "emr-connect" / "state.sqlite"
    return any(record.path == str(path) and record.jupyter_session for record in Ledger(Database(state)).all())


def test_a_server_killed_under_an_open_tab_loses_nothing(
    served: Lab, lab: str, folder: Path, page: Page, sandbox: Sandbox
) -> None:
    path = counting(folder / "killed.ipynb")
    visit(page, lab, "recording/killed.ipynb")
    run_first_cell(page)
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("3\n")
    wait_for(page, lambda: noted(sandbox, path))
    served.kill()
    for number in GATES:
        open_gate(path, number)
    served.start()
    # JupyterLab tries again after 1, 2, 4 … s, which a server that is slow to start can miss by a minute.
    wait_for(page, lambda: shown(page) == ALL)
    expect(page.locator(".jp-InputPrompt").first).to_have_text("[1]:")
    save(page)
    wait_for(page, lambda: written(path) == ALL)
    page.locator(".jp-Notebook-footer").click()
    page.locator(".jp-Cell").nth(1).locator(".cm-content").click()
    page.keyboard.type("print('number is', number)")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-Cell").nth(1)).to_contain_text("number is 79")
