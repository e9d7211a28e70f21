"""The process that reads and writes a large notebook for a server, and ends: ``large_notebooks`` starts it."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

from nbformat.sign import NotebookNotary
from tornado.web import HTTPError

from ...services.recording.outputs import Outputs
from ...services.recording.runs import Run
from .notebooks import Notebooks

NICENESS = 5  # the server goes first


async def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked, and return what ``in_process`` is told."""
    module, name = request["manager"]
    contents = getattr(importlib.import_module(module), name)(**request["traits"])
    settings = request["notary"]
    settings["secret"] = bytes.fromhex(settings["secret"])
    contents.notary = NotebookNotary(parent=contents, **settings)
    rooms = SimpleNamespace(extension_apps={})
    notebooks = Notebooks(SimpleNamespace(contents_manager=contents, extension_manager=rooms), apart=False)
    path, runs = request["path"], [_run(sent) for sent in request["runs"]]
    try:
        if request["verb"] == "write":
            found = await notebooks.write(path, runs, adds=request["adds"])
        else:
            found = await notebooks.showing(path, runs)
    except HTTPError as error:
        return {"error": {"status": error.status_code, "message": error.log_message or str(error)}}
    return {"runs": [run.msg_id for run in found], "versions": notebooks.versions.get(path, [])}


def _run(sent: dict[str, Any]) -> Run:
    """Return a run as it was handed over."""
    run = Run(sent["msg_id"], sent["session"], sent["cell_id"], sent["code"], b"{}", count=sent["execution_count"])
    run.noticed = sent["noticed"]
    run.outputs = Outputs.of_nodes(sent["outputs"])
    return run


def main() -> None:
    """Answer one request from stdin on stdout."""
    os.nice(NICENESS)
    answer = asyncio.run(_answer(json.loads(sys.stdin.buffer.read())))
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
