"""A bounded journal of what a kernel sends: this file's text runs in the remote kernel's process.

``install.py`` puts it there when a kernel starts, unseen by the user. It needs nothing but the standard library and
what every ``ipykernel`` (5 to 7, on Python 3.7 or newer) has: ``kernel.session``, through which each message of each
channel is sent, and ``kernel.control_handlers``, which are served while a cell runs. A message's id ends in a running
number (``jupyter_client.session.Session.msg_id``), so what did not arrive can be asked for by its number.
"""

from __future__ import annotations

import collections
import threading
from typing import Any

REQUEST, REPLY = "emr_connect_replay_request", "emr_connect_replay_reply"
MAX_HANDLED = 10000  # requests of which the state is remembered
MAX_DIGITS = 18  # of a running number


class Journal:
    """Keeps the last ``limit`` bytes that ``kernel`` has sent, and gives them back."""

    def __init__(self, kernel: Any, limit: int) -> None:
        self.kernel, self.limit = kernel, limit
        self.size = 0
        self.entries: Any = collections.OrderedDict()  # message id: (its parts or None, their size)
        self.floor: dict[str, int] = {}  # by prefix: all up to this number may be lost
        self.handled: Any = collections.OrderedDict()  # request's id: "busy" or "idle"
        self.lock = threading.RLock()
        self.local = threading.local()

    def install(self) -> None:
        """Listen in on the kernel's session, and answer on its control channel."""
        session = self.kernel.session
        self.send, self.serialize = session.send, session.serialize
        session.send, session.serialize = self.sending, self.serializing
        self.kernel.control_handlers[REQUEST] = self.answer
        self.kernel.emr_connect_journal = self

    def serializing(self, msg: Any, ident: Any = None) -> Any:
        """Stand in for ``Session.serialize``: note the parts that are about to be sent by this thread."""
        frames = self.serialize(msg, ident)
        self.local.parts = frames[-4:]
        return frames

    def sending(
        self,
        stream: Any,
        msg_or_type: Any,
        content: Any = None,
        parent: Any = None,
        ident: Any = None,
        buffers: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Stand in for ``Session.send``: send, then keep."""
        self.local.parts = None
        sent = self.send(stream, msg_or_type, content, parent, ident, buffers, *args, **kwargs)
        parts, self.local.parts = self.local.parts, None
        if parts and sent:
            try:
                self.keep(sent, parts, buffers or sent.get("buffers") or ())
            except Exception:  # the kernel's own work goes on, whatever becomes of its journal
                self.give_up()
        return sent

    def keep(self, sent: Any, parts: Any, buffers: Any) -> None:
        """Take a message in, and let the oldest go."""
        header = sent["header"]
        prefix, _, digits = header["msg_id"].rpartition("_")
        if (
            not digits.isdigit() or len(digits) > MAX_DIGITS
        ):  # of the user's own making: it has no number to be missed by
            if header["msg_type"] == "status":
                self.note(sent)
            return
        number = int(digits)
        size = sum(len(part) for part in parts) + sum(memoryview(buffer).nbytes for buffer in buffers) + 400
        fits = size <= self.limit
        kept = [bytes(part) for part in parts] + [bytes(buffer) for buffer in buffers] if fits else None
        with self.lock:
            self.floor.setdefault(prefix, number - 1)
            if header["msg_type"] == "status":
                self.note(sent)
            self.entries[header["msg_id"]] = (kept, size if fits else 0)
            self.size += size if fits else 0
            while self.size > self.limit:
                old, (_, freed) = self.entries.popitem(last=False)
                self.size -= freed
                gone, _, last = old.rpartition("_")
                self.floor[gone] = max(int(last), self.floor.get(gone, 0))

    def note(self, sent: Any) -> None:
        """Remember which requests the kernel has begun and ended."""
        state = sent["content"].get("execution_state")
        header = sent["parent_header"]
        if state not in ("busy", "idle") or header.get("msg_type") == REQUEST:
            return
        self.handled[header.get("msg_id", "")] = state
        while len(self.handled) > MAX_HANDLED:
            self.handled.popitem(last=False)

    def give_up(self) -> None:
        """Stop keeping: a message could not be understood, so numbers can no longer be trusted."""
        self.kernel.control_handlers.pop(REQUEST, None)
        self.kernel.session.send, self.kernel.session.serialize = self.send, self.serialize

    def wanted(self, known: Any, missing: Any) -> Any:
        """Return the ids and parts of what the asker lacks, and the ranges of it that are lost."""
        found: list[Any] = []
        lost: list[Any] = []
        for msg_id, (parts, _) in self.entries.items():
            prefix, _, number = msg_id.rpartition("_")
            number = int(number)
            if number > known.get(prefix, -1) or any(a <= number <= b for a, b in missing.get(prefix, ())):
                if parts is None:
                    lost.append([prefix, number, number])
                else:
                    found.append(parts)
        for prefix, floor in self.floor.items():
            ranges = [*missing.get(prefix, []), [known.get(prefix, floor) + 1, floor]]
            lost.extend([prefix, a, min(b, floor)] for a, b in ranges if a <= min(b, floor))
        return found, lost

    def answer(self, stream: Any, ident: Any, parent: Any) -> None:
        """Handle a replay request: send what is missing, oldest first, and no more than asked for at once."""
        asked = parent["content"]
        with self.lock:
            found, lost = self.wanted(asked.get("known", {}), asked.get("missing", {}))
            content: dict[str, Any] = {
                "lost": lost,
                "session": self.kernel.session.session,
                "handled": {
                    msg_id: self.handled[msg_id] for msg_id in asked.get("requests", ()) if msg_id in self.handled
                },
            }
        lengths: list[int] = []
        buffers: list[bytes] = []
        size = 0
        for parts in found:
            size += sum(len(part) for part in parts)
            if lengths and size > asked.get("most", 8000000):
                break
            lengths.append(len(parts))
            buffers.extend(parts)
        content["lengths"], content["more"] = lengths, len(lengths) < len(found)
        # Past the stand-in for `Session.send`, so that answers are not kept to be answered again.
        self.send(stream, REPLY, content, parent, ident, buffers)


def install(kernel: Any, limit: int) -> str:
    """Give a kernel its journal, once; called with the kernel's own object and the bytes to keep."""
    if not hasattr(kernel, "emr_connect_journal"):
        Journal(kernel, limit).install()
    return "installed"
