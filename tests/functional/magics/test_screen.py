"""A line that says what is waited for goes at its end, and takes nothing with it that the cell has shown."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pytest
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class

from jupyter_emr_connect.magics.screen import NotebookScreen, TransientLine


class Page(DisplayPublisher):
    """What a front end makes of what a cell shows: its outputs, text or displays by their id."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs: list[tuple[str, str]] = []

    def write(self, text: str) -> None:
        if self.outputs and self.outputs[-1][0] == "print":
            text = self.outputs.pop()[1] + text
        self.outputs.append(("print", text))

    def publish(self, data: Any, *args: Any, transient: Any = None, update: bool = False, **options: Any) -> None:
        ident, text = (transient or {}).get("display_id", ""), data["text/plain"]
        if update:
            self.outputs = [(kind, text if kind == ident else was) for kind, was in self.outputs]
        else:
            self.outputs.append((ident, text))

    def clear_output(self, wait: bool = False) -> None:
        self.outputs.clear()

    @property
    def seen(self) -> list[str]:
        """The outputs that show anything."""
        return [text for _, text in self.outputs if text]


class Stream(io.StringIO):
    """The standard output of a cell."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page

    def write(self, text: str) -> int:
        self._page.write(text)
        return len(text)


@magics_class
class Waiting(Magics):
    """A magic that waits twice, and says something each time; with ``rich`` as a display."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.screen = NotebookScreen(shell)

    @line_cell_magic
    def waiting(self, line: str, cell: str = "") -> None:
        for turn in ("1", "2"):
            shown = TransientLine(self.screen)
            shown.show("wait", seconds=9)
            self.screen.write(f"said {turn}\n")
            if line == "rich":
                self.screen.show({"text/plain": f"table {turn}"})
            shown.clear()


Waiting.waiting.__module__ = NotebookScreen.__module__  # the package's own magics alone are known to show nothing else


@pytest.fixture
def page(shell: InteractiveShell) -> Page:
    """The shell's front end."""
    shell.display_pub = Page()
    shell.register_magics(Waiting(shell))
    return shell.display_pub


def run(shell: InteractiveShell, page: Page, cell: str) -> list[str]:
    page.outputs.clear()
    with contextlib.redirect_stdout(Stream(page)):
        shell.run_cell(cell).raise_error()
    return page.seen


@pytest.mark.parametrize("cell", ["%waiting", "%%waiting\ncode", "\n%waiting\n"])
def test_a_cell_that_is_one_magic_keeps_no_trace_of_it(shell: InteractiveShell, page: Page, cell: str) -> None:
    run(shell, page, cell)
    assert page.outputs == [("print", "said 1\nsaid 2\n")]


@pytest.mark.parametrize(
    ("cell", "seen"),
    [
        ("print('mine')\n%waiting", ["mine\n", "said 1\n", "said 2\n"]),
        ("%waiting\nprint('mine')\n%waiting", ["said 1\n", "said 2\nmine\n", "said 1\n", "said 2\n"]),
        ("%%local\nprint('mine')\n%waiting", ["mine\n", "said 1\n", "said 2\n"]),
        ("%waiting rich", ["said 1\n", "table 1", "said 2\n", "table 2"]),
    ],
)
def test_what_else_a_cell_has_shown_stays(shell: InteractiveShell, page: Page, cell: str, seen: list[str]) -> None:
    assert run(shell, page, cell) == seen
