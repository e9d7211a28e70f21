"""The ``pre_save_hook`` of Jupyter's documentation that strips outputs, beside the recorder and the backups."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_emr_connect.sandbox.aws.s3.stored import current_object, get_bucket
from tests.functional.server.recorded import Kernel, read, until

BUCKET = "emr-sandbox-notebooks"


@pytest.fixture
def jp_server_config(jp_server_config: Any) -> Any:
    settings = {"backup_location": f"s3://{BUCKET}/team", "backup_pause": 0.0}
    return {**jp_server_config, "EMRConnect": {**jp_server_config["EMRConnect"], **settings}}


@pytest.fixture
def saves(jp_serverapp: Any) -> list[str]:
    """Strip outputs on every save, as Jupyter documents it, and return what is saved."""
    saved: list[str] = []

    def scrub_output_pre_save(model: Any, path: str, **kwargs: Any) -> None:
        if model["type"] != "notebook":
            return
        saved.append(path)
        for cell in model["content"]["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"], cell["execution_count"] = [], None

    jp_serverapp.contents_manager.pre_save_hook = scrub_output_pre_save
    return saved


@pytest.fixture
def uploaded(cloud: Any) -> Callable[[], list[bytes]]:
    """Return what returns each version of the notebook in S3."""
    return lambda: [row.value for row in get_bucket(BUCKET).keys.getlist("team/n.ipynb", default=[])]


@pytest.mark.full
async def test_outputs_that_a_hook_strips_are_written_once_and_never_uploaded(
    saves: list[str], uploaded: Callable[[], list[bytes]], kernel: Kernel, path: Path, rest: Any
) -> None:
    kernel.run("one", "c1")
    kernel.ws.close()
    kernel.write("secret figures\n")
    kernel.end(7)
    await until(lambda: saves and all(run.settled for run in kernel.observer.unsaved))
    times = len(saves)
    await asyncio.sleep(1.5)  # in which the recorder would write another 15 times, and the hook take it away again
    assert len(saves) == times < 10
    assert [cell.outputs for cell in (await read(path)).cells] == [[], []]
    await rest("POST", "backups/now", {"path": "n.ipynb"})
    await until(lambda: current_object(get_bucket(BUCKET), "team/n.ipynb") is not None)
    puts = len(uploaded())
    assert all("outputs" in (cells := json.loads(body)["cells"][0]) and not cells["outputs"] for body in uploaded())
    await asyncio.sleep(0.5)
    assert len(uploaded()) == puts <= times + 1
