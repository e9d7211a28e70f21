"""A run's messages, one after the other, into the outputs of a notebook's cell (nbformat 4)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nbformat.v4 import output_from_msg

from ...gateway.protocol.framing import Message

OUTPUTS = frozenset({"stream", "display_data", "execute_result", "error"})


class Stream:
    """A stream output that grows; its pieces are joined when they are wanted."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._pieces: list[str] = []

    def write(self, text: str) -> None:
        """Add text."""
        self._pieces.append(text)

    def node(self) -> dict[str, Any]:
        """Return the output with its text as one string."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return {"output_type": "stream", "name": self.name, "text": "".join(self._pieces)}


class Outputs:
    """What one run has shown so far. ``displays`` is shared by the runs of a kernel: display ids reach over cells."""

    def __init__(self, displays: Displays) -> None:
        self._displays = displays
        self._items: list[Stream | dict[str, Any]] = []
        self._clear_first = False
        self.version = 0

    def add(self, msg_type: str, content: Mapping[str, Any]) -> None:
        """Take in a message; those that show nothing, or are malformed, change nothing."""
        if msg_type == "clear_output":
            self._clear_first = bool(content.get("wait"))
            if not self._clear_first:
                self._clear()
        elif msg_type == "update_display_data":
            self._displays.update(content)
        elif msg_type == "stream":
            self._write(str(content.get("name", "stdout")), str(content.get("text", "")))
        elif msg_type in OUTPUTS:
            self._show(msg_type, content)

    def note(self, text: str) -> None:
        """Show a text of this package on stderr."""
        self._write("stderr", text)

    def nodes(self) -> list[dict[str, Any]]:
        """Return the outputs as a notebook holds them."""
        return [item.node() if isinstance(item, Stream) else dict(item) for item in self._items]

    def displays(self) -> dict[str, list[int]]:
        """Return which of :meth:`nodes` have a display id, by the id."""
        return self._displays.of(self, self._items)

    def touch(self) -> None:
        """Take note that an output has changed."""
        self.version += 1

    def _clear(self) -> None:
        self._clear_first = False
        self._displays.forget(self)
        self._items = []
        self.touch()

    def _begin(self) -> None:
        if self._clear_first:
            self._clear()
        self.touch()

    def _write(self, name: str, text: str) -> None:
        self._begin()
        last = self._items[-1] if self._items else None
        if not isinstance(last, Stream) or last.name != name:
            last = Stream(name)
            self._items.append(last)
        last.write(text)

    def _show(self, msg_type: str, content: Mapping[str, Any]) -> None:
        try:
            node = dict(output_from_msg({"header": {"msg_type": msg_type}, "content": content}))
        except (KeyError, ValueError, TypeError):
            return
        self._begin()
        self._items.append(node)
        if msg_type == "display_data":
            self._displays.add(content, self, node)


class Displays:
    """Which outputs have a display id, so that a later message can change them (``update_display_data``)."""

    def __init__(self) -> None:
        self._shown: dict[str, list[tuple[Outputs, dict[str, Any]]]] = {}

    def add(self, content: Mapping[str, Any], outputs: Outputs, node: dict[str, Any]) -> None:
        """Remember an output by the id in its message, if it has one."""
        if name := _display_id(content):
            self._shown.setdefault(name, []).append((outputs, node))

    def update(self, content: Mapping[str, Any]) -> None:
        """Change what is shown under an id, wherever it is."""
        for outputs, node in self._shown.get(_display_id(content), []):
            node["data"] = content.get("data", {})
            node["metadata"] = content.get("metadata", {})
            outputs.touch()

    def of(self, outputs: Outputs, items: Sequence[object]) -> dict[str, list[int]]:
        """Return where in its items a run shows what has a display id."""
        positions = {id(item): at for at, item in enumerate(items)}
        shown_here = {name: [node for owner, node in shown if owner is outputs] for name, shown in self._shown.items()}
        return {name: [positions[id(node)] for node in nodes] for name, nodes in shown_here.items() if nodes}

    def forget(self, outputs: Outputs) -> None:
        """Forget what a run has shown."""
        for name, shown in list(self._shown.items()):
            self._shown[name] = [pair for pair in shown if pair[0] is not outputs]


def _display_id(content: Mapping[str, Any]) -> str:
    transient = content.get("transient")
    return str(transient.get("display_id") or "") if isinstance(transient, dict) else ""


def content_of(message: Message) -> dict[str, Any]:
    """Return a message's content; an empty one where it is no JSON object."""
    try:
        content = json.loads(bytes(message.content))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
