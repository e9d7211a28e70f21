"""Messages of a run into the outputs of a cell, and runs into the cells of a notebook."""

from __future__ import annotations

from typing import Any

import pytest
from nbformat import validate
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from jupyter_emr_connect.gateway.protocol.framing import Message
from jupyter_emr_connect.services.recording.outputs import WIDGET_VIEW, Displays, Outputs, content_of
from jupyter_emr_connect.services.recording.runs import Run
from jupyter_emr_connect.services.recording.writing import shows_end, write_runs


@pytest.fixture
def outputs() -> Outputs:
    return Outputs(Displays())


def stream(outputs: Outputs, text: str, name: str = "stdout") -> None:
    outputs.add("stream", {"name": name, "text": text})


def texts(outputs: Outputs) -> list[tuple[str, str]]:
    return [(node["name"], node["text"]) for node in outputs.nodes()]


def display(text: str, name: str | None = None) -> dict[str, Any]:
    return {"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": name} if name else {}}


def test_pieces_of_a_stream_are_one_output_until_the_other_stream_speaks(outputs):
    for text, name in (("a", "stdout"), ("b", "stdout"), ("!", "stderr"), ("c", "stdout")):
        stream(outputs, text, name)
    assert texts(outputs) == [("stdout", "ab"), ("stderr", "!"), ("stdout", "c")]
    stream(outputs, "d")
    assert texts(outputs)[-1] == ("stdout", "cd")


def test_results_displays_and_errors_are_as_nbformat_has_them(outputs):
    outputs.add("execute_result", {"data": {"text/plain": "2"}, "metadata": {}, "execution_count": 5})
    outputs.add("display_data", display("shown"))
    outputs.add("error", {"ename": "E", "evalue": "v", "traceback": ["t"]})
    assert outputs.nodes() == [
        {"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {}, "execution_count": 5},
        {"output_type": "display_data", "data": {"text/plain": "shown"}, "metadata": {}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["t"]},
    ]


def test_no_schema_is_compiled_for_outputs(outputs, monkeypatch):
    """nbformat's takes 50 ms in which no thread of the process runs, the server's loop among them."""
    compiled: dict[Any, Any] = {}
    monkeypatch.setattr("nbformat.validator.validators", compiled)
    outputs.add("display_data", display("shown"))
    outputs.add("execute_result", {"data": {"text/plain": ["2"]}, "metadata": {}, "execution_count": None})
    outputs.add("error", {"ename": "E", "evalue": "v", "traceback": ["t"]})
    assert compiled == {}
    for node in outputs.nodes():
        validate(node, ref=node["output_type"], version=4)
    assert compiled


@pytest.mark.parametrize(
    ("msg_type", "content"),
    [
        ("display_data", {"data": {"text/plain": 5}, "metadata": {}}),
        ("display_data", {"data": {"text/plain": ["a", 5]}, "metadata": {}}),
        ("display_data", {"data": {"text/plain": "a"}, "metadata": []}),
        ("execute_result", {"data": {}, "metadata": {}, "execution_count": "5"}),
        ("execute_result", {"data": {}, "metadata": {}, "execution_count": -1}),
        ("error", {"ename": "E", "evalue": "v", "traceback": "t"}),
        ("error", {"ename": "E", "evalue": "v", "traceback": [1]}),
        ("error", {"ename": "E", "evalue": 1, "traceback": []}),
    ],
)
def test_what_nbformat_would_refuse_is_left_out_and_the_next_is_shown(outputs, msg_type, content):
    outputs.add(msg_type, content)
    outputs.add("display_data", {"data": {"application/x+json": 5, "application/json": None}, "metadata": {}})
    assert [node["data"] for node in outputs.nodes()] == [{"application/x+json": 5, "application/json": None}]


def test_clearing_at_once_and_with_the_next_output(outputs):
    stream(outputs, "old")
    outputs.add("clear_output", {"wait": True})
    assert texts(outputs) == [("stdout", "old")]
    stream(outputs, "new")
    assert texts(outputs) == [("stdout", "new")]
    outputs.add("clear_output", {})
    assert outputs.nodes() == []


def test_an_update_reaches_displays_of_other_runs_and_changes_their_version():
    displays = Displays()
    first, second = Outputs(displays), Outputs(displays)
    first.add("display_data", display("old", "d"))
    before = first.version
    second.add("update_display_data", display("new", "d"))
    assert first.nodes()[0]["data"] == {"text/plain": "new"}
    assert first.version > before
    assert second.nodes() == []
    first.add("clear_output", {})
    second.add("update_display_data", display("newer", "d"))
    assert first.nodes() == []


@pytest.mark.parametrize("content", [{}, {"data": 1}, {"name": 3}, {"transient": 7}])
@pytest.mark.parametrize("msg_type", ["display_data", "execute_result", "error", "update_display_data", "status"])
def test_malformed_and_silent_messages_show_nothing_and_break_nothing(outputs, msg_type, content):
    outputs.add(msg_type, content)
    stream(outputs, "after")
    assert outputs.nodes()[-1] == {"output_type": "stream", "name": "stdout", "text": "after"}


def test_a_progress_line_is_what_is_left_of_it(outputs):
    for step in range(100):
        stream(outputs, f"\r{step}%", "stderr")
    assert texts(outputs) == [("stderr", "99%")]


def bar(model: str) -> dict[str, Any]:
    view = {"version_major": 2, "version_minor": 0, "model_id": model}
    text = "FloatProgress(value=0.0, bar_style='info', description='Progress:')"
    return {"data": {"text/plain": text, WIDGET_VIEW: view}, "metadata": {}}


def test_a_widget_that_was_closed_is_shown_by_no_run():
    displays = Displays()
    first, second = Outputs(displays), Outputs(displays)
    stream(first, "before\n")
    first.add("display_data", bar("one"))
    first.add("execute_result", {**bar("one"), "execution_count": 3})
    first.add("display_data", bar("two"))
    before = first.version
    second.add("comm_close", {"comm_id": "one", "data": {}})
    assert first.nodes() == [
        {"output_type": "stream", "name": "stdout", "text": "before\n"},
        {"output_type": "display_data", **bar("two")},
    ]
    assert first.version > before
    before = first.version
    second.add("comm_close", {"comm_id": "elsewhere"})
    second.add("comm_close", {})
    assert first.version == before


def test_a_widget_that_was_cleared_may_be_closed(outputs):
    outputs.add("display_data", bar("one"))
    outputs.add("clear_output", {})
    version = outputs.version
    outputs.add("comm_close", {"comm_id": "one"})
    assert (outputs.nodes(), outputs.version) == ([], version)


def test_a_closed_widget_with_a_display_id_is_no_display_any_more(outputs):
    outputs.add("display_data", {**bar("one"), "transient": {"display_id": "d"}})
    outputs.add("display_data", display("kept", "e"))
    outputs.add("comm_close", {"comm_id": "one"})
    assert outputs.displays() == {"e": [0]}


def enter(outputs: Outputs, model: str, msg_id: str) -> None:
    outputs.add("comm_msg", {"comm_id": model, "data": {"method": "update", "state": {"msg_id": msg_id}}})


def test_what_is_made_for_an_output_widget_is_kept_behind_it_and_cleared_alone(outputs):
    """As sparkmagic shows a table."""
    stream(outputs, "before\n")
    outputs.add("comm_open", {"comm_id": "out", "data": {"state": {"msg_id": "", "outputs": []}}})
    outputs.add("display_data", bar("out"))
    stream(outputs, "after\n")
    for text in ("old", "new"):
        enter(outputs, "out", "m")
        outputs.add("clear_output", {"wait": text == "new"})
        enter(outputs, "out", "")
        stream(outputs, f"{text}\n")
        enter(outputs, "out", "m")
        stream(outputs, f"{text} ")
        outputs.add("display_data", display(text))
        enter(outputs, "out", "")
    shown = [node.get("text") or node["data"]["text/plain"] for node in outputs.nodes()]
    assert shown == ["before\n", bar("out")["data"]["text/plain"], "new ", "new", "after\nold\nnew\n"]
    outputs.add("comm_close", {"comm_id": "out"})
    assert texts(outputs) == [("stdout", "before\n"), ("stdout", "after\nold\nnew\n")]


def test_the_inner_of_two_output_widgets_gets_what_comes(outputs):
    for model in ("outer", "inner"):
        outputs.add("display_data", bar(model))
    enter(outputs, "outer", "m")
    enter(outputs, "inner", "m")
    stream(outputs, "in")
    enter(outputs, "inner", "")
    stream(outputs, "out")
    enter(outputs, "outer", "")
    outputs.add("comm_msg", {"comm_id": "outer", "data": {"method": "custom", "content": {}}})
    outputs.add("comm_msg", {"comm_id": "outer"})
    assert [node.get("text", "view") for node in outputs.nodes()] == ["view", "out", "view", "in"]


def test_a_byte_that_cannot_be_decoded_is_replaced_and_the_rest_is_shown(outputs):
    outputs.add("stream", content_of(Message("iopub", b"{}", b"{}", b"{}", b'{"name": "stdout", "text": "a\x80b\\n"}')))
    assert texts(outputs) == [("stdout", "a\ufffdb\n")]


def run(code: str, cell_id: str | None, text: str = "out", count: int | None = 3) -> Run:
    made = Run("m", "s", cell_id, code, b"{}", count=count, outputs=Outputs(Displays()))
    made.outputs.add("stream", {"name": "stdout", "text": text})
    return made


def notebook(*ids: str) -> Any:
    cells = [new_code_cell(f"code {name}", id=name) for name in ids]
    return new_notebook(cells=[new_markdown_cell("code a"), *cells])


def test_only_the_cell_that_ran_is_touched():
    book = notebook("a", "b")
    assert write_runs(book, [run("code b", "b")], adds=True) == []
    assert [cell.get("outputs") for cell in book.cells] == [
        None,
        [],
        [{"output_type": "stream", "name": "stdout", "text": "out"}],
    ]
    assert (book.cells[2].execution_count, book.cells[2].source, book.cells[2].metadata.trusted) == (3, "code b", True)


def test_without_an_id_the_source_tells_the_cell():
    book = notebook("a", "b")
    assert write_runs(book, [run("code b\n", None)], adds=True) == []
    assert book.cells[2].outputs
    stray = run("elsewhere", None)
    assert write_runs(book, [stray], adds=True) == [stray]


def test_a_cell_that_may_be_of_elsewhere_is_not_added():
    book, stray = notebook("a"), run("elsewhere", "z")
    assert write_runs(book, [stray], adds=False) == [stray]
    assert len(book.cells) == 2


def test_old_notebooks_have_no_ids_and_get_none():
    book = notebook("a")
    book.nbformat_minor = 4
    for cell in book.cells:
        del cell["id"]
    assert write_runs(book, [run("code a", "x"), run("new", "y")], adds=True) == []
    assert [cell.source for cell in book.cells] == ["code a", "code a", "new"]
    assert book.cells[1].outputs
    assert "id" not in book.cells[2]


def test_a_notebook_has_a_run_when_it_shows_its_count():
    book = notebook("a")
    made = run("code a", "a")
    assert not shows_end(book, made)
    book.cells[1].execution_count = 3
    assert shows_end(book, made)
    assert not shows_end(book, run("code a", "a", count=None))
