"""What a headless run's cells show: as in a front end."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_emr_connect.cli.notebook_client import FrontEndClient
from jupyter_emr_connect.services.recording.outputs import WIDGET_VIEW

BASE = {"_model_module": "@jupyter-widgets/base", "_model_module_version": "2.0.0"}


class Kernel:
    """Says what a kernel publishes to a client that runs the first of two cells."""

    def __init__(self) -> None:
        self.notebook = new_notebook(cells=[new_code_cell("a"), new_code_cell("b")])
        self.client = FrontEndClient(self.notebook)
        self.client.reset_execution_trackers()
        self.client.clear_before_next_output = False  # as nbclient has it when it begins with a cell

    def publish(self, msg_type: str, cell: int = 0, **content: Any) -> None:
        message = {"msg_type": msg_type, "content": content, "header": {"msg_type": msg_type}, "parent_header": {}}
        self.client.process_message(message, self.notebook.cells[cell], cell)

    def open_widget(self, model: str, **state: Any) -> None:
        data = {"state": {**BASE, "_model_name": "FloatProgressModel", **state}, "buffer_paths": []}
        self.publish("comm_open", comm_id=model, target_name="jupyter.widget", data=data)

    def show_widget(self, model: str, cell: int = 0, **more: Any) -> None:
        data = {"text/plain": "FloatProgress(value=0.0)", WIDGET_VIEW: {"model_id": model}}
        self.publish("display_data", cell, data=data, metadata={}, **more)

    def texts(self, cell: int = 0) -> list[str]:
        return [node.get("text") or node["data"]["text/plain"] for node in self.notebook.cells[cell].outputs]


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def test_a_closed_widget_leaves_neither_output_nor_state(kernel):
    kernel.open_widget("layout", _model_name="LayoutModel")
    kernel.open_widget("bar", layout="IPY_MODEL_layout")
    kernel.publish("stream", name="stdout", text="before\n")
    kernel.show_widget("bar")
    kernel.show_widget("bar", cell=1)
    kernel.publish("display_data", data={"text/plain": "old"}, metadata={}, transient={"display_id": "d"})
    kernel.publish("comm_close", comm_id="bar", data={})
    kernel.publish("update_display_data", data={"text/plain": "new"}, metadata={}, transient={"display_id": "d"})
    kernel.client.set_widgets_metadata()
    assert (kernel.texts(0), kernel.texts(1)) == (["before\n", "new"], [])
    assert "widgets" not in kernel.notebook.metadata


def test_a_widget_that_is_shown_keeps_all_that_it_needs(kernel):
    kernel.open_widget("layout")
    kernel.open_widget("bar", layout="IPY_MODEL_layout")
    kernel.open_widget("stray")
    kernel.open_widget("box", children=["IPY_MODEL_bar"], text="IPY_MODEL_gone")
    kernel.show_widget("box")
    kernel.client.set_widgets_metadata()
    (states,) = kernel.notebook.metadata["widgets"].values()
    assert set(states["state"]) == {"box", "bar", "layout"}
