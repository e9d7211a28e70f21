"""A run's messages, one after the other, into the outputs of a notebook's cell (nbformat 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...gateway.protocol.framing import Message, parse_json
from .stream_text import StreamText

OUTPUTS = frozenset({"stream", "display_data", "execute_result", "error"})
COMM = frozenset({"comm_open", "comm_msg"})  # a widget's state, and changes of it
JSON_TYPE = re.compile(r"^application/(.*\+)?json$")  # whose values in a notebook may be any JSON (nbformat 4.5)
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


@dataclass
class Item:
    """One output; ``area`` is the id of the Output widget that it was made for, empty for the cell itself."""

    output: Stream | dict[str, Any]
    area: str = ""

    def node(self) -> dict[str, Any]:
        """Return the output as a notebook holds it."""
        return self.output.node() if isinstance(self.output, Stream) else dict(self.output)


class Outputs:
    """What one run has shown so far. ``displays`` is shared by the runs of a kernel: ids reach over cells.

    While an Output widget of ipywidgets is entered (``with output:``, as for sparkmagic's tables), a front end gives
    what comes to it, and clears it alone. Here that is kept behind the widget's view: the widget itself ends with its
    kernel.
    """

    def __init__(self, displays: Displays) -> None:
        self._displays = displays
        self._items: list[Item] = []
        self._entered: list[str] = []  # Output widgets, the innermost last
        self._clear_first: set[str] = set()  # the areas that are cleared with the next output
        self.version = 0

    @classmethod
    def of_nodes(cls, nodes: Sequence[dict[str, Any]]) -> Outputs:
        """Return what shows the outputs of :meth:`nodes` of another process."""
        outputs = cls(Displays())
        outputs._items = [Item(node) for node in nodes]
        return outputs

    def add(self, msg_type: str, content: Mapping[str, Any]) -> None:
        """Take in a message; those that show nothing, or are malformed, change nothing."""
        if msg_type == "clear_output":
            if content.get("wait"):
                self._clear_first.add(self._area)
            else:
                self._clear()
        elif msg_type == "update_display_data":
            self._displays.update(content)
        elif msg_type == "comm_close":
            self._displays.close_widget(str(content.get("comm_id", "")))
        elif msg_type in COMM:
            self._enter_or_leave(str(content.get("comm_id", "")), content.get("data"))
        elif msg_type == "stream":
            self._write(str(content.get("name", "stdout")), str(content.get("text", "")))
        elif msg_type in OUTPUTS:
            self._show(msg_type, content)

    def note(self, text: str) -> None:
        """Show a text of this package on stderr."""
        self._write("stderr", text)

    def nodes(self) -> list[dict[str, Any]]:
        """Return the outputs as a notebook holds them."""
        return [item.node() for item in self._items]

    def displays(self) -> dict[str, list[int]]:
        """Return which of :meth:`nodes` have a display id, by the id."""
        return self._displays.of(self, [item.output for item in self._items])

    def touch(self) -> None:
        """Take note that an output has changed."""
        self.version += 1

    def let_go(self) -> None:
        """Forget it all, an output at a time: many megabytes at once would hold up all threads."""
        self._displays.let_go()
        while self._items:
            self._items.pop()

    def remove_widget(self, model: str, view: dict[str, Any]) -> None:
        """Show a view of a widget no more, nor what was made for the widget."""
        self._items = [item for item in self._items if item.output is not view and item.area != model]
        self.touch()

    @property
    def _area(self) -> str:
        return self._entered[-1] if self._entered else ""

    def _enter_or_leave(self, model: str, data: object) -> None:
        """Take note of the state of an Output widget: its ``msg_id`` is set while it is entered."""
        state = data.get("state") if isinstance(data, dict) else None
        if isinstance(state, dict) and "msg_id" in state:
            self._entered = [entered for entered in self._entered if entered != model]
            if state["msg_id"]:
                self._entered.append(model)

    def _clear(self) -> None:
        area = self._area
        self._clear_first.discard(area)
        if area:
            self._items = [item for item in self._items if item.area != area]
        else:
            self._displays.forget(self)
            self._items = []
        self.touch()

    def _begin(self) -> int:
        """Return where the next output goes: at the end, or behind what the widget that is entered shows."""
        if self._area in self._clear_first:
            self._clear()
        self.touch()
        area, end = self._area, len(self._items)
        if not area:
            return end
        own = [at for at, item in enumerate(self._items) if area in (item.area, shown_widget(item.output))]
        return own[-1] + 1 if own else end

    def _write(self, name: str, text: str) -> None:
        place = self._begin()
        last = self._items[place - 1] if place else None
        if last is None or not isinstance(last.output, Stream) or (last.output.name, last.area) != (name, self._area):
            last = Item(Stream(name), self._area)
            self._items.insert(place, last)
        if isinstance(last.output, Stream):
            last.output.write(text)

    def _show(self, msg_type: str, content: Mapping[str, Any]) -> None:
        node = _error_node(content) if msg_type == "error" else _data_node(msg_type, content)
        if node is None:
            return
        self._items.insert(self._begin(), Item(node, self._area))
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
            outputs.remove_widget(model, node)

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
        places = {
            name: [positions[id(node)] for node in nodes if id(node) in positions] for name, nodes in shown_here.items()
        }
        return {name: found for name, found in places.items() if found}

    def let_go(self) -> None:
        """Forget what all runs have shown, an id at a time."""
        for shown_by in (self._shown, self._views):
            while shown_by:
                shown_by.popitem()

    def forget(self, outputs: Outputs) -> None:
        """Forget what a run has shown."""
        for shown_by in (self._shown, self._views):
            for name, shown in list(shown_by.items()):
                shown_by[name] = [pair for pair in shown if pair[0] is not outputs]


# The two below do what `nbformat.v4.output_from_msg` does. That one compiles nbformat's schema when it is first used,
# 40 to 60 ms in which no other thread of the process runs, and raises for a malformed message what is no ValueError.


def _data_node(msg_type: str, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the output for a message of type ``display_data`` or ``execute_result``; None for a malformed one."""
    data, metadata, count = (content.get(name) for name in ("data", "metadata", "execution_count"))
    if not isinstance(data, dict) or not isinstance(metadata, dict):
        return None
    if not all(_is_text(value) or JSON_TYPE.search(mime_type) for mime_type, value in data.items()):
        return None
    node = {"output_type": msg_type, "metadata": metadata, "data": data}
    if msg_type == "display_data":
        return node
    is_count = count is None or (isinstance(count, int) and count >= 0)
    return {**node, "execution_count": count} if is_count else None


def _error_node(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the output for a message of type ``error``; None for a malformed one."""
    name, value, traceback = (content.get(key) for key in ("ename", "evalue", "traceback"))
    if not isinstance(name, str) or not isinstance(value, str):
        return None
    if not isinstance(traceback, list) or not _is_text(traceback):
        return None
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": traceback}


def _is_text(value: object) -> bool:
    """Say whether a value is a text, or a list of its lines."""
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))


def _display_id(content: Mapping[str, Any]) -> str:
    transient = content.get("transient")
    return str(transient.get("display_id") or "") if isinstance(transient, dict) else ""


def shown_widget(output: object) -> str:
    """Return the id of the model that an output of a notebook shows as a widget, or an empty string."""
    data = output.get("data") if isinstance(output, dict) else None
    view = data.get(WIDGET_VIEW) if isinstance(data, dict) else None
    return str(view.get("model_id", "")) if isinstance(view, dict) else ""


def content_of(message: Message) -> dict[str, Any]:
    """Return a message's content; an empty one where it is no JSON object."""
    try:
        content = parse_json(message.content)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
