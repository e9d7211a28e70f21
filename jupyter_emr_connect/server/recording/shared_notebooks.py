"""Notebooks that are open in a collaboration room (jupyter-collaboration): the shared document is edited, not the file.

Nothing of jupyter-collaboration is imported unless its server extension runs.
"""

from __future__ import annotations

from typing import Any

from ...services.recording.runs import Run
from ...services.recording.writing import find_cell

EXTENSION = "jupyter_server_ydoc"


async def shared_notebook(server: Any, path: str) -> Any:
    """Return the shared notebook of a path that is open in a room; None when it is in none."""
    for extension in server.extension_manager.extension_apps.get(EXTENSION, ()):
        document = await extension.get_document(path=path, content_type="notebook", file_format="json", copy=False)
        if document is not None:
            return document
    return None


def write_shared_runs(document: Any, runs: list[Run]) -> list[Run]:
    """Write runs into the cells of a shared notebook; return those that no cell of it shows.

    A stream that has grown is continued, so that what others see does not flicker and little is sent.
    """
    without_cell = []
    ids = {str(cell.get("id")): at for at, cell in enumerate(document.ycells)}
    for run in runs:
        at = ids.get(run.cell_id or "")
        if at is None:
            cells = document.get()["cells"]
            shown = find_cell({"cells": cells, "nbformat": 4, "nbformat_minor": 5}, run)
            at = next((index for index, cell in enumerate(cells) if cell is shown), None)
        if at is None:
            without_cell.append(run)
        else:
            _show(document.ycells[at], run)
    return without_cell


def _show(cell: Any, run: Run) -> None:
    from pycrdt import Array

    nodes = [_as_shared(node) for node in run.outputs.nodes()] if run.outputs else []
    with cell.doc.transaction():
        if not isinstance(cell.get("outputs"), Array):
            cell["outputs"] = Array()
        _continue(cell["outputs"], nodes)
        # Yjs has no integers but floats.
        cell["execution_count"] = None if run.count is None else float(run.count)
        cell["execution_state"] = "idle" if run.idle else "running"


def _continue(outputs: Any, nodes: list[dict[str, Any]]) -> None:
    """Change as little as need be: what is the same stays, a stream goes on or has its last line rewritten."""
    from pycrdt import Map, Text

    shown = outputs.to_py() or []
    same = 0
    while same < min(len(shown), len(nodes)) and shown[same] == nodes[same]:
        same += 1
    if same < min(len(shown), len(nodes)) and (kept := _kept_bytes(shown[same], nodes[same])) is not None:
        text = outputs[same]["text"]
        if isinstance(text, Text):
            del text[kept:]  # pycrdt counts in bytes of UTF-8
            text += nodes[same]["text"].encode()[kept:].decode()
            same += 1
    if same < len(shown):
        del outputs[same:]
    for node in nodes[same:]:
        text = {"text": Text(node["text"])} if node["output_type"] == "stream" else {}
        outputs.append(Map({**node, **text}))


def _kept_bytes(shown: dict[str, Any], node: dict[str, Any]) -> int | None:
    """Return how many bytes of a stream's text stay: all where it has grown, or all lines but the last, rewritten one.

    None where it is another output.
    """
    both = shown.get("output_type") == node["output_type"] == "stream" and shown.get("name") == node["name"]
    if not both or not isinstance(shown.get("text"), str):
        return None
    former, text = shown["text"].encode(), node["text"].encode()
    kept = len(former) if text.startswith(former) else former.rfind(b"\n") + 1
    return kept if text.startswith(former[:kept]) else None


def _as_shared(node: dict[str, Any]) -> dict[str, Any]:
    count = node.get("execution_count")
    return {**node, "execution_count": float(count)} if isinstance(count, int) else node
