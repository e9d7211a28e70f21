"""Who may watch a kernel's messages pass: the recorder does, to keep what no browser is there to see."""

from __future__ import annotations

from typing import Protocol

from .framing import Message


class Observer(Protocol):
    """Told by the bridge, on the gateway loop, of what passes; every method must return fast and never raise."""

    def requested(self, message: Message) -> None:
        """A client sent an execute request to the kernel."""
        ...

    def published(self, message: Message) -> None:
        """An iopub message was given to the local clients: each once, in the order in which the kernel sent them."""
        ...

    def replied(self, message: Message) -> None:
        """The reply to an execute request was given to the client."""
        ...

    def seen(self) -> dict[str, int]:
        """Return up to which number all messages are safely kept, by the prefix of their ids (``sequence.py``).

        Asked when a kernel is taken up again, so that its journal gives only the rest.
        """
        ...
