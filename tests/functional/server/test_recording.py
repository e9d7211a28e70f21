"""The recorder in a real Jupyter server: a gateway kernel's messages, who covers them, and what the file gets."""

from __future__ import annotations

import asyncio
import json
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from jupyter_emr_connect.server.recording.notebooks import Notebooks
from tests.functional.server.recorded import GATEWAY_KERNEL, Kernel, read, shown, until


def ends_with(path: Path, text: str) -> bool:
    return shown(path).endswith(text)


def settled(kernel: Kernel) -> bool:
    return all(run.settled for run in kernel.observer.unsaved)


def holds_nothing(kernel: Kernel) -> bool:
    """Say whether the outputs, which may be hundreds of megabytes, are in the spool and the notebook alone."""
    return settled(kernel) and all(run.outputs is None for run in kernel.observer.runs.values())


@pytest.mark.slow
async def test_nothing_is_written_while_the_front_end_is_there(kernel, path, rest, local):
    kernel.run("one", "c1")
    kernel.write("a\n")
    await asyncio.sleep(1)
    assert shown(path) == ""
    answer = await rest("GET", f"kernels/{local}/recording")
    (run,) = answer.json["runs"]
    assert run["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "a\n"}]
    assert run["last"] == {"kernel_1": 1}
    assert (run["cell_id"], run["state"]) == ("c1", "running")


async def test_what_comes_after_it_left_is_written_with_what_came_before(kernel, path):
    kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.ws.close()
    kernel.write("b\n")
    await until(lambda: shown(path) == "a\nb\n")
    kernel.write("c\n")
    kernel.end(7)
    await until(lambda: shown(path) == "a\nb\nc\n")
    cell = (await read(path)).cells[0]
    assert (cell.execution_count, cell.source) == (7, "one")
    await until(lambda: holds_nothing(kernel))
    kernel.write("late\n")
    await until(lambda: shown(path) == "a\nb\nc\nlate\n")
    await until(lambda: holds_nothing(kernel))


@pytest.mark.slow
@pytest.mark.parametrize("strangers", [False, True])
async def test_what_the_user_ran_is_trusted_and_nothing_that_came_with_the_file(kernel, path, jp_serverapp, strangers):
    html = {"text/html": "<script>1</script>"}
    if strangers:
        notebook = await read(path)
        notebook.cells[1].outputs = [new_output("display_data", html)]
        nbformat.write(notebook, path)
    kernel.run("one", "c1")
    kernel.publish("display_data", data=html, metadata={}, transient={})
    kernel.end(3)
    kernel.ws.close()
    await until(lambda: nbformat.read(path, as_version=4).cells[0].execution_count == 3)
    written = await read(path)
    assert written.cells[0].outputs[0].data == html
    assert jp_serverapp.contents_manager.notary.check_signature(written) is not strangers


async def test_what_comes_while_the_rest_is_written_is_written_too(kernel, path, monkeypatch):
    whole = Notebooks.write

    async def write(self, *words, **options):
        done = await whole(self, *words, **options)
        if shown(path) == "a\n":
            kernel.write("late\n")
        return done

    monkeypatch.setattr(Notebooks, "write", write)
    kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.end()
    kernel.ws.close()
    await until(lambda: shown(path) == "a\nlate\n", within=10)


@pytest.mark.slow
async def test_a_front_end_that_returns_within_the_grace_keeps_its_file(kernel, path, local, jp_ws_fetch):
    kernel.run("one", "c1")
    kernel.ws.close()
    await until(lambda: kernel.session not in kernel.observer.sessions)
    kernel.ws = await jp_ws_fetch("api", "kernels", local, "channels", params={"session_id": kernel.session})
    kernel.write("a\n")
    kernel.end()
    await asyncio.sleep(1)
    assert shown(path) == ""


@pytest.mark.slow
async def test_changes_made_meanwhile_are_kept(kernel, path):
    kernel.run("one", "c1")
    kernel.ws.close()
    for number in range(5):
        kernel.write(f"{number}\n")
        await until(partial(ends_with, path, f"{number}\n"))
        notebook = await read(path)
        notebook.cells[1].source = f"edited {number}"
        nbformat.write(notebook, path)
    kernel.end()
    await until(partial(settled, kernel))
    assert (await read(path)).cells[1].source == "edited 4"
    assert shown(path) == "0\n1\n2\n3\n4\n"


async def test_a_cell_that_was_never_saved_is_added(kernel, path):
    kernel.run("new", "c9")
    kernel.write("a\n")
    kernel.end()
    kernel.ws.close()
    await until(partial(settled, kernel))
    cell = (await read(path)).cells[2]
    assert (cell.id, cell.source, shown(path, 2)) == ("c9", "new", "a\n")


async def test_a_cell_that_the_user_deleted_is_not_added_again(kernel, path, jp_fetch):
    kernel.run("two", "c2")
    notebook = await read(path)
    del notebook.cells[1]
    await save(jp_fetch, notebook)
    kernel.ws.close()
    kernel.write("a\n")
    kernel.end()
    await until(partial(settled, kernel))
    assert len((await read(path)).cells) == 1


async def save(jp_fetch: Any, notebook: Any) -> None:
    body = json.dumps({"type": "notebook", "format": "json", "content": notebook})
    await jp_fetch("api", "contents", "n.ipynb", method="PUT", body=body)


async def test_a_run_that_the_front_end_has_saved_is_forgotten(kernel, path, jp_fetch):
    kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.end(3)
    notebook = await read(path)
    await save(jp_fetch, notebook)
    await asyncio.sleep(0.5)
    assert kernel.observer.runs
    notebook.cells[0].execution_count = 3
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", name="stdout", text="a\n")]
    await save(jp_fetch, notebook)
    await until(lambda: not kernel.observer.runs)


@pytest.mark.slow
async def test_another_tab_takes_over_and_the_file_is_left_to_it(kernel, path, rest, local, jp_ws_fetch):
    kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.ws.close()
    await until(lambda: shown(path) == "a\n")
    other = await jp_ws_fetch("api", "kernels", local, "channels", params={"session_id": "tab-2"})
    await until(lambda: "tab-2" in kernel.observer.sessions)
    answer = await rest("POST", f"kernels/{local}/recording", {"session": "tab-2"})
    assert answer.json["runs"][0]["outputs"][0]["text"] == "a\n"
    assert len(answer.json["versions"]["n.ipynb"]) == 2
    kernel.write("b\n")
    await asyncio.sleep(1)
    assert shown(path) == "a\n"
    other.close()
    await until(lambda: shown(path) == "a\nb\n")


async def test_a_tab_that_comes_back_to_a_restarted_kernel_is_told_who_has_written_the_file(
    kernel, path, rest, local, recorder, jp_ws_fetch, jp_serverapp, monkeypatch
):
    """Else JupyterLab asks its user what to do with "the file on disk that has changed"."""
    kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.ws.close()
    await until(lambda: kernel.session not in kernel.observer.sessions)
    recorder.attach(local)(str(uuid.uuid4()), lambda *_: None)
    await until(lambda: shown(path) == "a\n")
    listed = jp_serverapp.session_manager.list_sessions

    async def slowly():
        await asyncio.sleep(0.5)
        return await listed()

    monkeypatch.setattr(jp_serverapp.session_manager, "list_sessions", slowly)
    tab = await jp_ws_fetch("api", "kernels", local, "channels", params={"session_id": "tab-2"})
    await until(lambda: "tab-2" in recorder.writer_of(local).recording.sessions)
    answer = await rest("POST", f"kernels/{local}/recording", {"session": "tab-2"})
    assert len(answer.json["versions"]["n.ipynb"]) == 2
    tab.close()


@pytest.mark.slow
async def test_while_one_of_two_tabs_is_there_the_file_is_left_to_it(kernel, path, rest, local, jp_ws_fetch):
    kernel.run("one", "c1")
    other = await jp_ws_fetch("api", "kernels", local, "channels", params={"session_id": "tab-2"})
    await until(lambda: "tab-2" in kernel.observer.sessions)
    await rest("POST", f"kernels/{local}/recording", {"session": "tab-2"})
    other.close()
    kernel.write("a\n")
    kernel.end()
    await asyncio.sleep(1)
    assert shown(path) == ""
    kernel.ws.close()
    await until(lambda: shown(path) == "a\n")


async def share(jp_fetch: Any, local: str, path: str, kind: str) -> None:
    """Open a session of another document with the same kernel."""
    body = {"path": path, "name": path, "type": kind, "kernel": {"id": local}}
    await jp_fetch("api", "sessions", method="POST", body=json.dumps(body))


@pytest.mark.slow
async def test_what_ran_in_a_console_is_not_added_to_the_notebook(kernel, path, local, jp_fetch):
    await share(jp_fetch, local, "n.ipynb-console", "console")
    kernel.run("new", "c9")
    kernel.write("a\n")
    kernel.end()
    kernel.ws.close()
    await until(partial(settled, kernel))
    assert len((await read(path)).cells) == 2


@pytest.mark.slow
async def test_of_two_notebooks_on_a_kernel_the_one_with_the_cell_gets_its_outputs(kernel, path, local, jp_fetch):
    second = path.with_name("m.ipynb")
    nbformat.write(new_notebook(cells=[new_code_cell("other", id="d1")]), second)
    await share(jp_fetch, local, "m.ipynb", "notebook")
    before = path.read_text()
    kernel.run("other", "d1")
    kernel.write("a\n")
    kernel.end()
    kernel.ws.close()
    await until(lambda: shown(second) == "a\n")
    await until(partial(settled, kernel))
    assert path.read_text() == before


@pytest.mark.slow
async def test_a_long_recording_is_sent_in_parts(kernel, rest, local):
    """Made to JSON as a whole, and sent so, it would hold up the server."""
    kernel.run("one", "c1")
    for number in range(3):
        kernel.publish("display_data", data={"text/plain": str(number) * 1_000_000}, metadata={})
    kernel.write("ü" * 1_000_000)
    answer = await rest("GET", f"kernels/{local}/recording")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    (run,) = answer.json["runs"]
    assert [len(output["data"]["text/plain"]) for output in run["outputs"][:3]] == [1_000_000] * 3
    assert run["outputs"][3]["text"] == "ü" * 1_000_000


async def test_only_a_connected_front_end_takes_over(kernel, rest, local):
    answer = await rest("POST", f"kernels/{local}/recording", {"session": "elsewhere"})
    assert (answer.status, answer.json["code"]) == (400, "bad-request")
    assert (await rest("GET", f"kernels/{uuid.uuid4()}/recording")).status == 404


@pytest.mark.slow
async def test_a_local_kernel_has_no_recording(local, rest):
    answer = await rest("GET", f"kernels/{local}/recording")
    assert answer.json == {"recorded": False, "trouble": None, "versions": {}, "runs": []}


async def test_what_a_killed_server_left_is_completed(quick, local, recorder, path):
    first = Kernel(recorder.attach(local)(GATEWAY_KERNEL, lambda *_: None), "gone")
    first.observer.sessions.add("gone")
    first.run("one", "c1")
    first.write("a\n")
    first.write("b\n")

    second = Kernel(recorder.attach(local)(GATEWAY_KERNEL, lambda *_: None), "gone")
    assert second.observer.seen() == {"kernel_1": 2}
    second.parent = first.parent
    second.publish("stream", 2, name="stdout", text="b\n")  # what a gateway replays once more
    second.publish("stream", 3, name="stdout", text="c\n")
    second.end(4)
    await until(lambda: shown(path) == "a\nb\nc\n")
    assert (await read(path)).cells[0].execution_count == 4


@pytest.mark.slow
async def test_what_was_seen_is_known_also_when_the_notebook_has_it_all(kernel, local, recorder, path, jp_fetch):
    kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.end(3)
    notebook = await read(path)
    notebook.cells[0].execution_count = 3
    await save(jp_fetch, notebook)
    await until(lambda: not kernel.observer.runs)
    kernel.observer.close(remove=False)
    again = recorder.attach(local)(GATEWAY_KERNEL, lambda *_: None)
    assert (again.seen(), again.runs) == ({"kernel_1": 3}, {})


@pytest.mark.slow
async def test_a_notebook_torn_by_a_killed_server_is_mended(kernel, path):
    whole = path.read_text()
    path.with_name(".~n.ipynb").write_text(whole)
    path.write_text(whole[:50])
    kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.ws.close()
    await until(lambda: shown(path) == "a\n")
    assert [cell.source for cell in (await read(path)).cells] == ["one", "two"]


@pytest.mark.slow
async def test_a_notebook_that_cannot_be_written_is_written_when_it_can(kernel, path):
    whole = path.read_text()
    path.write_text("not a notebook")
    kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.ws.close()
    await asyncio.sleep(2)
    assert path.read_text() == "not a notebook"
    path.write_text(whole)
    kernel.write("b\n")
    await until(lambda: shown(path) == "a\nb\n")


@pytest.mark.slow
async def test_a_front_end_is_given_outputs_that_the_writer_lets_go_of_at_once(kernel, recorder, rest, local):
    kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.end()
    writer = recorder.writer_of(local)
    async with writer.lock:
        asking = asyncio.ensure_future(rest("POST", f"kernels/{local}/recording", {"session": kernel.session}))
        await asyncio.sleep(0.5)  # the request waits for the lock
        writer.wake()
        await asyncio.sleep(0.2)  # and behind it the writer
    (run,) = (await asking).json["runs"]
    assert [output["text"] for output in run["outputs"]] == ["a\n"]
