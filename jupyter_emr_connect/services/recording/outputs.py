"""A run's messages, one after the other, into the outputs of a notebook's cell (nbformat 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbformat.v4 import output_from_msg

from ...gateway.protocol.framing import Message, parse_json
from .stream_text import StreamText

OUTPUTS = frozenset({"stream", "display_data", "execute_result", "error"})
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"  # of an output that shows a widget of ipywidgets


class Stream:
    """A stream output that grows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._text = StreamText()

    def write(self, text: str) -> None:
        """Add text."""
        self._text.write(text)

    def node(self) -> dict[str, Any]:
        """Return the output with its text as a front end shows it."""
        return {"output_type": "stream", "name": self.name, "text": str(self._text)}


class Outputs:
    """What one run has shown so far. ``displays`` is shared by the runs of a kernel: ids reach over cells."""

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
        elif msg_type == "comm_close":
            self._displays.close_widget(str(content.get("comm_id", "")))
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

    def remove(self, node: dict[str, Any]) -> None:
        """Show an output no more."""
        self._items = [item for item in self._items if item is not node]
        self.touch()

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
        if model := shown_widget(node):
            self._displays.add_widget(model, self, node)


class Displays:
    """Which outputs a later message can change: by display id (``update_display_data``), or as a widget's views.

    A widget that its kernel closes, such as sparkmagic's progress bar at the end of a cell, is shown nowhere any more.
    """

    def __init__(self) -> None:
        self._shown: dict[str, list[tuple[Outputs, dict[str, Any]]]] = {}
        self._views: dict[str, list[tuple[Outputs, dict[str, Any]]]] = {}

    def add_widget(self, model: str, outputs: Outputs, node: dict[str, Any]) -> None:
        """Remember an output that shows the widget of this model."""
        self._views.setdefault(model, []).append((outputs, node))

    def close_widget(self, model: str) -> None:
        """Remove the outputs that show a widget."""
        for outputs, node in self._views.pop(model, ()):
            outputs.remove(node)

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
        for shown_by in (self._shown, self._views):
            for name, shown in list(shown_by.items()):
                shown_by[name] = [pair for pair in shown if pair[0] is not outputs]


def _display_id(content: Mapping[str, Any]) -> str:
    transient = content.get("transient")
    return str(transient.get("display_id") or "") if isinstance(transient, dict) else ""


def shown_widget(node: Mapping[str, Any]) -> str:
    """Return the id of the model that an output shows as a widget, or an empty string."""
    data = node.get("data")
    view = data.get(WIDGET_VIEW) if isinstance(data, dict) else None
    return str(view.get("model_id", "")) if isinstance(view, dict) else ""


def content_of(message: Message) -> dict[str, Any]:
    """Return a message's content; an empty one where it is no JSON object."""
    try:
        content = parse_json(message.content)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
