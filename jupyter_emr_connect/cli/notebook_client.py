"""nbclient's client with outputs as a front end shows them. Used by ``jupyter emr run`` alone."""

from __future__ import annotations

from typing import Any

from nbclient import NotebookClient
from nbformat import NotebookNode

from ..services.recording.outputs import shown_widget
from ..services.recording.stream_text import StreamText

MODEL = "IPY_MODEL_"  # in a widget's state, before the id of another's


class FrontEndClient(NotebookClient):
    """Runs the cells of a notebook; what they show is what JupyterLab would show.

    Pieces of a stream are one output until another comes between, with carriage returns and backspaces carried out
    (nbclient's ``coalesce_streams`` puts a cell's pieces together at its end, wherever they stood, and deletes what a
    carriage return would be written over). A widget that its kernel closes, as sparkmagic does with its progress bars,
    is removed from outputs and from the notebook's metadata.
    """

    def reset_execution_trackers(self) -> None:
        """Begin anew; called by nbclient before a notebook is run."""
        super().reset_execution_trackers()
        self._streams: list[tuple[NotebookNode, StreamText]] = []

    async def async_execute_cell(self, cell: NotebookNode, cell_index: int, *args: Any, **options: Any) -> NotebookNode:
        """Run one cell, and fill in the text of its streams whatever comes of it."""
        try:
            done: NotebookNode = await super().async_execute_cell(cell, cell_index, *args, **options)
        finally:
            for node, text in self._streams:
                node["text"] = str(text)
            self._streams = []
        return done

    def output(
        self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Take in an output; called by nbclient for each."""
        last = self._streams[-1] if self._streams else None
        shown = super().output(outs, msg, display_id, cell_index)
        if shown is None or shown["output_type"] != "stream":
            return shown
        before = outs[-2] if len(outs) > 1 else None
        if last is not None and before is last[0] and before["name"] == shown["name"]:
            last[1].write(shown["text"])
            outs.pop()
            return before
        self._streams.append((shown, StreamText(shown["text"])))
        return shown

    def handle_comm_msg(self, outs: list[NotebookNode], msg: dict[str, Any], cell_index: int) -> None:
        """Take in what becomes of a widget; called by nbclient."""
        super().handle_comm_msg(outs, msg, cell_index)
        if msg["msg_type"] == "comm_close":
            self._close_widget(str(msg["content"]["comm_id"]))

    def _close_widget(self, model: str) -> None:
        self.widget_state.pop(model, None)
        self.widget_buffers.pop(model, None)
        for index, cell in enumerate(self.nb.cells):
            outputs = cell.get("outputs", [])
            for at in reversed(range(len(outputs))):
                if shown_widget(outputs[at]) == model:
                    self._remove(outputs, index, at)

    def _remove(self, outputs: list[NotebookNode], cell_index: int, at: int) -> None:
        """Remove an output, with nbclient's note of where the outputs with a display id are."""
        del outputs[at]
        for by_cell in self._display_id_map.values():
            noted = by_cell.get(cell_index, [])
            by_cell[cell_index] = [place - (place > at) for place in noted if place != at]

    def set_widgets_metadata(self) -> None:
        """Put the state of the widgets that the notebook shows into its metadata, and of no others."""
        shown = {shown_widget(output) for cell in self.nb.cells for output in cell.get("outputs", [])}
        wanted: set[str] = set()
        while new := {model for model in shown if model in self.widget_state} - wanted:
            wanted |= new
            shown = {name for model in new for name in models_in(self.widget_state[model])}
        self.widget_state = {model: state for model, state in self.widget_state.items() if model in wanted}
        super().set_widgets_metadata()


def models_in(state: Any) -> set[str]:
    """Return the ids of the models that a widget's state names."""
    if isinstance(state, str):
        return {state.removeprefix(MODEL)} if state.startswith(MODEL) else set()
    if isinstance(state, dict):
        state = list(state.values())
    return {name for part in state for name in models_in(part)} if isinstance(state, list) else set()
