"""Where a cell's output goes: to IPython in a kernel of ours, else to whoever answers in front of a gateway kernel."""

from __future__ import annotations

import re
import sys
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

SHOWN_AFTER_S, SHOWN_EVERY_S = 2.0, 1.0
MAGIC = re.compile(r"(%%?)(\w+)")


class Screen(ABC):
    """What a cell shows. Used on the thread that runs the cell.

    Front ends can clear a cell as a whole, and not one of its outputs. So what was displayed for a while is removed
    without a trace where all that the cell shows came from here as text, which is then printed again; elsewhere it
    becomes an empty output, since nobody else's may be lost.
    """

    def __init__(self) -> None:
        self.begin(alone=False)

    def begin(self, *, alone: bool) -> None:
        """Take note of what a cell shows from here on; ``alone``: nothing but what is written here."""
        self._alone = alone
        self._written: list[tuple[str, str]] = []  # streams and texts, where alone

    def write(self, text: str) -> None:
        """Print a text."""
        self._write("stdout", text)

    def warn(self, text: str) -> None:
        """Print a text as an error."""
        self._write("stderr", text)

    def _write(self, stream: str, text: str) -> None:
        if self._alone:
            self._written.append((stream, text))
        self._print(stream, text)

    def show(self, data: Mapping[str, Any]) -> None:
        """Display a MIME bundle that stays."""
        self.begin(alone=False)  # it cannot be printed again
        self._display(data)

    def show_for_now(self, text: str, display_id: str, *, update: bool) -> None:
        """Display a text until :meth:`remove`, in the place of an earlier one with ``update``."""
        self._display({"text/plain": text}, display_id, update=update)

    def remove(self, display_id: str) -> None:
        """Remove what was displayed for now."""
        if not self._alone:
            self._display({"text/plain": ""}, display_id, update=True)
            return
        self._clear()
        for stream, text in self._written:
            self._print(stream, text)

    @abstractmethod
    def _print(self, stream: str, text: str) -> None:
        """Print on ``stdout`` or ``stderr``."""

    @abstractmethod
    def _display(self, data: Mapping[str, Any], display_id: str = "", *, update: bool = False) -> None:
        """Display a MIME bundle, in the place of an earlier one with ``update``."""

    @abstractmethod
    def _clear(self) -> None:
        """Clear all that the cell shows."""


class NotebookScreen(Screen):
    """The output of the cell that IPython runs."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__()
        self._shell = shell
        shell.events.register("pre_run_cell", self._on_cell)

    def _on_cell(self, info: ExecutionInfo) -> None:
        self.begin(alone=self._is_ours(str(info.raw_cell).strip()))

    def _is_ours(self, code: str) -> bool:
        """Return whether a cell is one magic of this package, and so runs nothing else that prints."""
        if (begun := MAGIC.match(code)) is None or (begun[1] == "%" and "\n" in code):
            return False
        kind = "cell" if begun[1] == "%%" else "line"
        magic = self._shell.magics_manager.magics[kind].get(begun[2])
        return str(getattr(magic, "__module__", "")).startswith(__name__.partition(".")[0] + ".")

    def _print(self, stream: str, text: str) -> None:
        (sys.stdout if stream == "stdout" else sys.stderr).write(text)

    def _display(self, data: Mapping[str, Any], display_id: str = "", *, update: bool = False) -> None:
        from IPython.display import display

        display(dict(data), raw=True, display_id=display_id or None, update=update)

    def _clear(self) -> None:
        from IPython.display import clear_output

        clear_output()


class TransientLine:
    """One line that says what is waited for, replaced as that changes, and removed at the end."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._id = uuid.uuid4().hex
        self._began = time.monotonic()
        self._shown_at = 0.0
        self._text = ""

    def show(self, text: str, seconds: float | None = None) -> None:
        """Show a text in the line's place, once what is waited for has taken a while (``seconds``, else since here)."""
        seconds = time.monotonic() - self._began if seconds is None else seconds
        if seconds < SHOWN_AFTER_S or seconds < self._shown_at + SHOWN_EVERY_S or text == self._text:
            return
        self._screen.show_for_now(text, self._id, update=bool(self._text))
        self._shown_at, self._text = seconds, text

    def clear(self) -> None:
        """Remove the line, if it is shown."""
        if self._text:
            self._screen.remove(self._id)
        self._shown_at, self._text = 0.0, ""
