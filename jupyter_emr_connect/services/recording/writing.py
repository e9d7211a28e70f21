"""Runs into the cells of a notebook: only the outputs and counts of the cells that ran are touched."""

from __future__ import annotations

from typing import Any

from nbformat.notebooknode import from_dict
from nbformat.v4 import new_code_cell

from .runs import Run

WITH_IDS = (4, 5)  # the first nbformat whose cells have ids


def write_runs(notebook: dict[str, Any], runs: list[Run], *, adds: bool) -> list[Run]:
    """Write runs into a notebook as the contents manager gives it; return those that no cell of it shows.

    With ``adds`` a cell that the notebook does not have is added at its end when no front end has saved the notebook
    since: it was typed, run and not yet saved. Otherwise the user has deleted it. One is also added where nobody knows
    which of several cells was run.
    """
    without_cell = []
    for run in runs:
        cells = candidates(notebook, run)
        cell = cells[0] if len(cells) == 1 else None
        if adds and cell is None and run.cell_id is not None and (cells or not run.noticed):
            cell = new_code_cell(run.code)
            if _has_ids(notebook):
                cell["id"] = run.cell_id
            else:
                del cell["id"]
            notebook["cells"].append(cell)
        if cell is None:
            without_cell.append(run)
        else:
            show_run(cell, run)
    return without_cell


def show_run(cell: dict[str, Any], run: Run) -> None:
    """Let a cell show a run."""
    cell["outputs"] = [from_dict(node) for node in run.outputs.nodes()] if run.outputs else []
    cell["execution_count"] = run.count
    # What the user ran is his own, as JupyterLab has it; without this its HTML would not be shown.
    cell["metadata"]["trusted"] = True


def find_cell(notebook: dict[str, Any], run: Run) -> dict[str, Any] | None:
    """Return the cell that was run, None when the notebook has none or it may be one of several."""
    cells = candidates(notebook, run)
    return cells[0] if len(cells) == 1 else None


def candidates(notebook: dict[str, Any], run: Run) -> list[dict[str, Any]]:
    """Return the cells that may have been run: the one with its id, or (nbformat 4.4 has none) all of its source."""
    cells: list[dict[str, Any]] = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if run.cell_id is not None and _has_ids(notebook):
        return [cell for cell in cells if cell.get("id") == run.cell_id][:1]
    code = run.code.strip()
    return [cell for cell in cells if source_of(cell).strip() == code]


def source_of(cell: dict[str, Any]) -> str:
    """Return a cell's source as one string."""
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)


def shows_end(notebook: dict[str, Any], run: Run) -> bool:
    """Return whether a notebook that a front end saved shows the end of a run.

    A front end sets the count when all outputs have come.
    """
    cell = find_cell(notebook, run)
    return cell is not None and run.count is not None and cell.get("execution_count") == run.count


def _has_ids(notebook: dict[str, Any]) -> bool:
    return (notebook.get("nbformat", 4), notebook.get("nbformat_minor", 0)) >= WITH_IDS
