"""Notebooks made by tests, and what their cells printed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook


def write_notebook(path: Path, kernel: str, *sources: str) -> Path:
    """Write a notebook for one of our kernels; the first cell may be tagged by starting with ``# parameters``."""
    language = {"emr-spark": "scala", "emr-sparkr": "R"}.get(kernel, "python")
    spec = {"name": kernel, "display_name": kernel, "language": language}
    notebook = new_notebook(metadata={"kernelspec": spec, "language_info": {"name": language}})
    for source in sources:
        tags = ["parameters"] if source.startswith("# parameters") else []
        notebook.cells.append(new_code_cell(source, metadata={"tags": tags} if tags else {}))
    nbformat.write(notebook, path)
    return path


def read_while_written(path: Path) -> Any:
    """Return a notebook that Jupyter may be writing just now: its contents manager empties the file first."""
    end = time.monotonic() + 20
    while True:
        try:
            return nbformat.read(path, as_version=4)
        except nbformat.reader.NotJSONError:
            assert time.monotonic() < end
            time.sleep(0.02)


def printed(path: Path) -> list[str]:
    """Return, per code cell, everything that it printed or showed as plain text or HTML."""
    texts = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        parts = []
        for output in cell.outputs:
            data = output.get("data", {})
            parts += [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
            parts += output.get("traceback", [])
        texts.append("".join(parts))
    return texts
