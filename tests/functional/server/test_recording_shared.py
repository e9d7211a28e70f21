"""The recorder with jupyter-collaboration: a notebook that is open in a room gets its outputs there."""

from __future__ import annotations

import json
import os
from typing import Any

import jupyter_server
import pytest

from jupyter_emr_connect.services.backups.location import open_queue
from tests.functional.server.recorded import shown, until


@pytest.fixture
def jp_server_config(jp_server_config, tmp_path, monkeypatch):
    pytest.importorskip("jupyter_server_ydoc", reason="jupyter-collaboration is not installed")
    monkeypatch.chdir(tmp_path)  # where the room keeps its history
    jp_server_config["ServerApp"]["jpserver_extensions"] |= {
        "jupyter_server_ydoc": True,
        "jupyter_server_fileid": True,
    }
    jp_server_config["EMRConnect"]["backup_location"] = "s3://emr-sandbox-notebooks/team"
    jp_server_config["SQLiteYStore"] = {"db_path": str(tmp_path / "history.db")}
    return jp_server_config


@pytest.fixture
def shared(jp_serverapp, jp_asyncio_loop, path):
    """The notebook in a room, as it is while a tab of somebody has it open."""
    if jupyter_server.version_info < (2, 15):
        pytest.skip("jupyter_server_ydoc does not run in this jupyter_server")
    (extension,) = jp_serverapp.extension_manager.extension_apps["jupyter_server_ydoc"]
    opening = extension.get_document(
        path="n.ipynb", content_type="notebook", file_format="json", copy=False, create=True
    )
    return jp_asyncio_loop.run_until_complete(opening)


@pytest.fixture
def queue(jp_serverapp, jp_root_dir):
    """What is noted for the backups."""
    return open_queue(jp_serverapp.web_app.settings["emr_connect"], os.path.realpath(jp_root_dir))


def outputs(shared: Any, cell: int = 0) -> list[dict[str, Any]]:
    return shared.get()["cells"][cell]["outputs"]


@pytest.mark.slow
async def test_outputs_go_into_the_room_and_the_room_saves_them(shared, kernel, path, queue):
    kernel.run("one", "c1")
    kernel.write("a\n")
    kernel.ws.close()
    await until(lambda: [one["text"] for one in outputs(shared)] == ["a\n"])
    assert shared.ycells[0]["execution_state"] == "running"
    kernel.write("b\n")
    kernel.publish("execute_result", data={"text/plain": "2"}, metadata={}, execution_count=4)
    kernel.end(4)
    result = {"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {}, "execution_count": 4}
    written = [{"output_type": "stream", "name": "stdout", "text": "a\nb\n"}, result]
    await until(lambda: outputs(shared) == written)
    assert shared.ycells[0]["execution_state"] == "idle"
    assert shared.get()["cells"][0]["execution_count"] == 4
    assert json.dumps(shared.ycells[0]["execution_count"]) == "4.0"
    await until(lambda: shown(path) == "a\nb\n")
    # The room's own saves are noted for the backups, as all others.
    await until(lambda: queue.get("n.ipynb"))
    generation = queue.get("n.ipynb").generation
    shared.append_cell({"id": "c9", "cell_type": "raw", "metadata": {}, "source": "by somebody in the room"})
    await until(lambda: queue.get("n.ipynb").generation > generation)


@pytest.mark.slow
async def test_a_progress_line_is_rewritten_in_its_place(shared, kernel):
    kernel.run("one", "c1")
    kernel.write("ü begins\n10 €")
    kernel.ws.close()
    await until(lambda: [one["text"] for one in outputs(shared)] == ["ü begins\n10 €"])
    replaced: list[Any] = []
    array = shared.ycells[0]["outputs"]
    subscription = array.observe(replaced.append)
    kernel.write("\r20 €")
    await until(lambda: outputs(shared)[0]["text"] == "ü begins\n20 €")
    kernel.write("\r30 €\nends")
    kernel.end()
    await until(lambda: outputs(shared)[0]["text"] == "ü begins\n30 €\nends")
    assert replaced == []
    array.unobserve(subscription)


async def test_what_others_type_meanwhile_stays(shared, kernel, path):
    kernel.run("one", "c1")
    kernel.ws.close()
    shared.set_cell(1, source="typed")
    kernel.write("a\n")
    kernel.end()
    await until(lambda: outputs(shared) != [])
    assert [cell["source"] for cell in shared.get()["cells"]] == ["one", "typed"]
