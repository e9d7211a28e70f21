"""What a user clears, deletes or runs anew after a restart: the recording does not bring it back."""

from __future__ import annotations

import asyncio
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from tests.functional.server.recorded import read, shown, until
from tests.functional.server.test_recording import save


async def handed(rest: Any, local: str, session: str) -> list[str]:
    """Return what a front end is given to show, as the runs' text."""
    answer = await rest("POST", f"kernels/{local}/recording", {"session": session})
    return ["".join(output["text"] for output in run["outputs"]) for run in answer.json["runs"]]


@pytest.mark.slow
async def test_what_a_front_end_cleared_and_saved_stays_cleared(kernel, path, jp_fetch, rest, local):
    kernel.run("one", "c1")
    kernel.write("secret\n")
    kernel.end()
    await asyncio.sleep(1)  # it shows the end by then; that is all that is known of one without the plugin
    await save(jp_fetch, await read(path))
    await until(lambda: not kernel.observer.unsaved)
    kernel.ws.close()
    await asyncio.sleep(1)
    assert shown(path) == ""


@pytest.mark.slow
async def test_the_plugin_says_itself_what_its_save_has_settled(kernel, path, jp_fetch, rest, local):
    assert await handed(rest, local, kernel.session) == []
    first = kernel.run("one", "c1")
    kernel.write("cleared\n")
    kernel.end()
    second = kernel.run("two", "c2")
    kernel.write("not yet shown\n")
    await asyncio.sleep(1)
    await save(jp_fetch, await read(path))
    await asyncio.sleep(0.3)
    assert len(kernel.observer.unsaved) == 2
    sent = {"session": kernel.session, "saved": f"{first},{second},unknown"}
    assert (await rest("PATCH", f"kernels/{local}/recording", sent)).status == 204
    kernel.end(2)
    kernel.ws.close()
    await until(lambda: shown(path, 1) == "not yet shown\n")
    assert shown(path) == ""


async def test_a_front_end_settles_only_what_it_shows(kernel, path, rest, local, jp_ws_fetch):
    asked = kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.end()
    other = await jp_ws_fetch("api", "kernels", local, "channels", params={"session_id": "other"})
    assert (await rest("PATCH", f"kernels/{local}/recording", {"session": "other", "saved": asked})).status == 204
    assert kernel.observer.unsaved
    other.close()


async def test_after_a_restart_the_front_end_that_was_there_is_not_given_what_it_showed(
    kernel, path, rest, local, jp_ws_fetch
):
    kernel.run("one", "c1")
    kernel.write("before\n")
    kernel.end()
    kernel.observer.restarting("kernel")
    assert await handed(rest, local, kernel.session) == []
    other = await jp_ws_fetch("api", "kernels", local, "channels", params={"session_id": "other"})
    await until(lambda: "other" in kernel.observer.sessions)
    assert await handed(rest, local, "other") == ["before\n"]
    other.close()


@pytest.mark.slow
async def test_the_last_words_of_a_restarted_process_are_no_output(kernel, path):
    kernel.run("one", "c1")
    kernel.write("before\n")
    kernel.end()
    kernel.observer.restarting("kernel")
    kernel.write("Task was destroyed but it is pending!\n")
    kernel.ws.close()
    await until(lambda: shown(path) == "before\n")
    await asyncio.sleep(0.5)
    assert shown(path) == "before\n"


async def test_without_ids_a_twin_does_not_show_another_cells_output(kernel, path):
    notebook = await read(path)
    notebook.cells = [new_code_cell("one"), new_code_cell("one")]
    for cell in notebook.cells:
        del cell["id"]
    notebook.nbformat_minor = 4
    nbformat.write(notebook, path)
    kernel.run("one", "c of this opening")
    kernel.write("a\n")
    kernel.end()
    kernel.ws.close()
    await until(lambda: all(run.settled for run in kernel.observer.unsaved))
    assert len((await read(path)).cells) == 3
    assert [shown(path, cell) for cell in range(3)] == ["", "", "a\n"]
