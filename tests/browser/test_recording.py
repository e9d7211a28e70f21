"""A tab closed and opened again, a connection that drops, a server that is killed: each number stands there once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.lab import free_port, serving_lab
from tests.conftest import Sandbox
from tests.sandbox.notebooks import read_while_written, write_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("browser")]  # they share JupyterLab

COUNT = 80
CODE = f"import time\nfor number in range({COUNT}):\n    print(number, flush=True)\n    time.sleep(0.4)"
ALL = "".join(f"{number}\n" for number in range(COUNT))


@pytest.fixture
def folder(root: Path) -> Path:
    """A folder attached to `open`."""
    return root / "recording"


def written(path: Path) -> str:
    """Return what the first cell shows in the file."""
    return "".join(output.get("text", "") for output in read_while_written(path).cells[0].outputs)


def shown(page: Page) -> str:
    """Return what the first cell shows in the browser."""
    return "".join(page.locator(".jp-Cell").first.locator(".jp-OutputArea-output").all_text_contents())


def wait_for(page: Page, holds: Callable[[], bool], within: float = 90) -> None:
    end = time.monotonic() + within
    while not holds():
        assert time.monotonic() < end, shown(page)
        page.wait_for_timeout(300)


def run_first_cell(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.get_by_text("Python on EMR | Idle")).to_be_visible()
    page.locator(".jp-Cell").first.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("3\n")


def save(page: Page) -> None:
    """Save, and see that JupyterLab asks nothing."""
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2000)
    expect(page.locator(".jp-Dialog")).to_have_count(0)


def test_a_tab_opened_again_catches_up_and_goes_on_live(lab: str, folder: Path, browser: Browser) -> None:
    path = write_notebook(folder / "tab.ipynb", "emr-python", CODE)
    first = browser.new_page()
    run_first_cell(first, f"{lab}/lab/tree/recording/tab.ipynb?reset")
    first.close()
    second = browser.new_page(viewport={"width": 1400, "height": 1000})
    wait_for(second, lambda: "12\n" in written(path))
    second.goto(f"{lab}/lab/tree/recording/tab.ipynb?reset")
    wait_for(second, lambda: "20\n" in shown(second))
    assert len(shown(second)) < len(ALL)
    wait_for(second, lambda: shown(second) == ALL)
    expect(second.locator(".jp-InputPrompt").first).to_have_text("[1]:")
    save(second)
    assert written(path) == ALL
    assert read_while_written(path).cells[0].execution_count == 1
    second.close()


def test_a_connection_that_drops_costs_nothing_and_asks_nothing(lab: str, folder: Path, page: Page) -> None:
    path = write_notebook(folder / "drop.ipynb", "emr-python", CODE)
    open_sockets: list[WebSocketRoute] = []
    down = False

    def route(socket: WebSocketRoute) -> None:
        if down:
            socket.close(code=3001)
        else:
            open_sockets.extend((socket, socket.connect_to_server()))

    page.route_web_socket(lambda url: "/channels" in url, route)
    run_first_cell(page, f"{lab}/lab/tree/recording/drop.ipynb?reset")
    save(page)
    down = True
    for socket in open_sockets:
        socket.close(code=3001)
    wait_for(page, lambda: "15\n" in written(path))
    down = False
    wait_for(page, lambda: shown(page) == ALL)
    expect(page.locator(".jp-InputPrompt").first).to_have_text("[1]:")
    save(page)
    wait_for(page, lambda: written(path) == ALL)


def test_a_server_killed_under_an_open_tab_loses_nothing(sandbox: Sandbox, folder: Path, page: Page) -> None:
    path = write_notebook(folder / "killed.ipynb", "emr-python", CODE)
    port = free_port()
    with serving_lab(sandbox, folder, port=port, exit_by="detach") as lab:
        run_first_cell(page, f"{lab.url}/lab/tree/killed.ipynb?reset")
        page.wait_for_timeout(6000)  # the session is noted every 5 s
        lab.process.kill()
        lab.process.wait(10)
    page.wait_for_timeout(3000)
    with serving_lab(sandbox, folder, port=port):
        # JupyterLab tries again after 1, 2, 4 … s, which a server that is slow to start can miss by a minute.
        wait_for(page, lambda: shown(page) == ALL, within=180)
        expect(page.locator(".jp-InputPrompt").first).to_have_text("[1]:", timeout=20_000)
        save(page)
        wait_for(page, lambda: written(path) == ALL)
        page.locator(".jp-Notebook-footer").click()
        page.locator(".jp-Cell").nth(1).locator(".cm-content").click()
        page.keyboard.type("print('number is', number)")
        page.keyboard.press("Shift+Enter")
        expect(page.locator(".jp-Cell").nth(1)).to_contain_text("number is 79")


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
    page.goto(f"{lab}/lab/tree/recording/bar.ipynb?reset")
    expect(page.get_by_text("Python on EMR | Idle")).to_be_visible()
    page.locator(".jp-Cell").first.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-Cell").first.locator(".widget-hprogress")).to_be_visible()
    expect(page.locator(".jp-InputPrompt").first).to_have_text("[1]:")
    wait_for(page, lambda: shown(page) == "between\ndone\n")
    save(page)
    (output,) = read_while_written(path).cells[0].outputs
    assert output.text == "between\ndone\n"
