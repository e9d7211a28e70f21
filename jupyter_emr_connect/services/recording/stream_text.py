"""The text of a stream as a front end shows it: carriage returns and backspaces are carried out, not kept."""

from __future__ import annotations

import re

_CONTROLS = re.compile("(\r|\n|\b+)")


class StreamText:
    """A text that grows, with a cursor in its last line.

    It is what JupyterLab 4.6 shows (``processText`` of ``@jupyterlab/outputarea``, ``model.ts``): after a carriage
    return text is written over the line, a backspace deletes, and a line feed ends the line wherever the cursor is.
    A progress bar of thousands of steps so takes a line. Plain text costs no more than appending it.
    """

    def __init__(self, text: str = "") -> None:
        self._ended: list[str] = []  # the lines before the last one, in pieces
        self._line: list[str] = []
        self._cursor: int | None = None  # in the last line; None: at its end
        self.write(text)

    def write(self, text: str) -> None:
        """Add what the kernel has printed."""
        if self._cursor is not None or "\r" in text or "\b" in text:
            self._carry_out(text)
            return
        before, feed, rest = text.rpartition("\n")
        if feed:
            self._ended += [*self._line, before, feed]
            self._line = [rest]
        else:
            self._line.append(text)

    def _carry_out(self, text: str) -> None:
        line = "".join(self._line)
        at = len(line) if self._cursor is None else self._cursor
        for part in _CONTROLS.split(text):
            if part == "\n":
                self._ended += [line, part]
                line, at = "", 0
            elif part == "\r":
                at = 0
            elif part.startswith("\b"):  # each deletes the character before the cursor, and the one under it
                count = min(len(part), at)
                line = line[: at - count] + line[at + count :]
                at -= count
            else:
                line = line[:at] + part + line[at + len(part) :]
                at += len(part)
        self._line = [line]
        self._cursor = None if at == len(line) else at

    def __str__(self) -> str:
        """Join the pieces, and keep them joined; a whole text is not copied (it may have hundreds of megabytes)."""
        for pieces in (self._ended, self._line):
            pieces[:] = ["".join(pieces)]
        return "".join(piece for piece in (*self._ended, *self._line) if piece)
