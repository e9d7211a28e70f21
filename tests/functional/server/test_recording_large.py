"""The recorder and large notebooks: another process writes them, so that the server's loop goes on."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbformat.sign import NotebookNotary, SQLiteSignatureStore

from jupyter_emr_connect.server.contents_events import ContentsEvents
from jupyter_emr_connect.server.recording import recorder
from jupyter_emr_connect.server.recording.large_notebooks import LARGE_BYTES
from tests.functional.server.recorded import until

LONG = "é" * LARGE_BYTES


@pytest.fixture(autouse=True)
def patient_end(monkeypatch) -> None:
    """Let each process end before its loop does: on a busy machine it takes longer than a server waits that stops."""
    monkeypatch.setattr(recorder, "CLOSES_WITHIN_S", 120.0)


@pytest.fixture(autouse=True)
def notary(jp_serverapp, tmp_path) -> NotebookNotary:
    """Signatures in a file, as a server has them; those of tests are in memory."""
    jp_serverapp.contents_manager.notary = notary = NotebookNotary(db_file=str(tmp_path / "signatures.db"))
    return notary


@pytest.fixture
def events(jp_serverapp):
    """What the server's contents manager does to the notebook, with who causes it."""
    seen: list[tuple[str, str]] = []
    ContentsEvents(jp_serverapp.event_logger, jp_serverapp.log).subscribe(
        lambda event: seen.append((event.action, event.source)) if event.path == "n.ipynb" else None
    )
    return seen


def show_long(kernel) -> None:
    kernel.run("one", "c1")
    kernel.publish("display_data", data={"text/plain": LONG}, metadata={})
    kernel.end(7)


def text_of(path) -> str | None:
    """Return what the first cell shows; None while the file is written or has no output."""
    try:
        (output,) = json.loads(path.read_text())["cells"][0]["outputs"]
    except ValueError:
        return None
    return "".join(output["data"]["text/plain"])


@pytest.mark.slow
async def test_a_large_notebook_is_written_by_another_process(kernel, rest, local, path, notary, events):
    book = nbformat.read(path, 4)
    book.cells[1].source = "the user's own"
    notary.sign(book)
    nbformat.write(book, path)
    show_long(kernel)
    kernel.ws.close()
    await until(lambda: text_of(path) == LONG)
    await until(lambda: not [run for run in kernel.observer.unsaved if not run.settled])
    assert set(events) == {("save", "recorder")}  # the server itself has neither read nor written it
    written = nbformat.read(path, 4)
    assert (written.cells[0].execution_count, written.cells[1].source) == (7, "the user's own")
    assert notary.check_signature(written)
    versions = (await rest("GET", f"kernels/{local}/recording")).json["versions"]["n.ipynb"]
    assert len(versions) >= 2


@pytest.mark.slow
async def test_hooks_of_a_site_see_large_notebooks_too(kernel, path, jp_serverapp):
    hooked: list[str] = []
    jp_serverapp.contents_manager.register_pre_save_hook(lambda path, **_: hooked.append(path))
    show_long(kernel)
    kernel.ws.close()
    await until(lambda: text_of(path) == LONG)
    assert set(hooked) == {"n.ipynb"}


@pytest.mark.slow
async def test_signatures_that_only_the_server_knows_are_made_by_it(kernel, path, notary, events):
    notary.db_file, notary.store = ":memory:", SQLiteSignatureStore(":memory:")
    show_long(kernel)
    kernel.ws.close()
    await until(lambda: text_of(path) == LONG)
    await until(lambda: ("get", "client") in events)
    assert notary.check_signature(nbformat.read(path, 4))


@pytest.mark.slow
async def test_a_file_that_is_no_notebook_is_tried_again(kernel, path, caplog):
    book = path.read_text()
    path.write_text("no notebook")
    show_long(kernel)
    kernel.ws.close()
    await until(lambda: "cannot be written" in caplog.text)
    assert "Unreadable Notebook" in caplog.text
    path.write_text(book)
    await until(lambda: text_of(path) == LONG)
