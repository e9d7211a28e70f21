"""``jupyter server`` that notes in a file, its first argument, what is imported in threads in which a loop runs.

TLS contexts that are made there are noted too.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

NOTES = Path(sys.argv[1]).open("a", buffering=1)  # noqa: SIM115 - to the end of the process


def note_if_on_a_loop(what: str) -> None:
    """Write a line if a loop runs in this thread."""
    if asyncio._get_running_loop() is not None:
        NOTES.write(f"{what}\n")


def context(*args: Any, make: Any = ssl.create_default_context, **kwargs: Any) -> ssl.SSLContext:
    """Make a TLS context, for which the system's certificates are read."""
    note_if_on_a_loop("ssl.create_default_context")
    made: ssl.SSLContext = make(*args, **kwargs)
    return made


class NotingFinder(MetaPathFinder):
    """The first of Python's finders: finds nothing."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        """Note a module that is not there yet."""
        note_if_on_a_loop(fullname)


if __name__ == "__main__":
    from jupyter_server.serverapp import main

    ssl.create_default_context = context
    sys.meta_path.insert(0, NotingFinder())
    main(sys.argv[2:])
