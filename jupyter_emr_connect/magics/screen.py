"""Where a cell's output goes: to IPython in a kernel of ours, else to whoever answers in front of a gateway kernel."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

SHOWN_AFTER_S, SHOWN_EVERY_S = 2.0, 1.0


class Screen(Protocol):
    """What a cell shows. Used on the thread that runs the cell."""

    def write(self, text: str) -> None:
        """Print a text."""

    def warn(self, text: str) -> None:
        """Print a text as an error."""

    def display(self, data: Mapping[str, Any], display_id: str = "", *, update: bool = False) -> None:
        """Display a MIME bundle, in the place of an earlier one with ``update``."""

    def clear(self) -> None:
        """Clear what the cell shows."""


class NotebookScreen:
    """The output of the cell that IPython runs."""

    def write(self, text: str) -> None:
        """Print a text."""
        sys.stdout.write(text)

    def warn(self, text: str) -> None:
        """Print a text as an error."""
        sys.stderr.write(text)

    def display(self, data: Mapping[str, Any], display_id: str = "", *, update: bool = False) -> None:
        """Display a MIME bundle."""
        from IPython.display import display

        display(dict(data), raw=True, display_id=display_id or None, update=update)

    def clear(self) -> None:
        """Clear what the cell shows."""
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
        self._screen.display({"text/plain": text}, self._id, update=bool(self._text))
        self._shown_at, self._text = seconds, text

    def clear(self) -> None:
        """Remove the line; what follows comes in its place."""
        if self._text:
            self._screen.clear()
        self._shown_at, self._text = 0.0, ""
