"""Three-way merge of notebooks by cell: what each side changed since their common state, where no cell was by both.

A cell is known by its id (nbformat 4.5). Its outputs follow its source: outputs alone are never a reason to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .cells import Cell, Notebook, cells_in, read_notebook, source_of

OF_A_RUN = ("outputs", "execution_count")


class Unmergeable(Exception):
    """Both sides changed the same thing, or the notebooks cannot be compared by cell."""


def comparable(content: bytes | None) -> Notebook | None:
    """Return a notebook whose cells all have ids of their own, with their sources as texts; None for anything else."""
    notebook = read_notebook(content or b"")
    if notebook is None:
        return None
    cells = cells_in(notebook)
    ids = {cell["id"] for cell in cells if isinstance(cell.get("id"), str)}
    if not len(ids) == len(cells) == len(notebook["cells"]):
        return None
    return {**notebook, "cells": [{**cell, "source": source_of(cell)} for cell in cells]}


def merge(base: Notebook, mine: Notebook, theirs: Notebook) -> Notebook:
    """Return the notebook with the changes of both sides; raises ``Unmergeable``."""
    sides = [_by_id(notebook) for notebook in (base, mine, theirs)]
    merged = {}
    for cell_id in dict.fromkeys([*sides[2], *sides[1], *sides[0]]):
        cell = _cell(*(cells.get(cell_id) for cells in sides))
        if cell is not None:
            merged[cell_id] = cell
    order = _order(*(list(cells) for cells in sides), kept=merged)
    metadata = _mapping(*(notebook.get("metadata", {}) for notebook in (base, mine, theirs)))
    versions = {name: max(mine.get(name, 4), theirs.get(name, 4)) for name in ("nbformat", "nbformat_minor")}
    return {**mine, **versions, "metadata": metadata, "cells": [merged[cell_id] for cell_id in order]}


def differences(base: Notebook | None, mine: Notebook | None, theirs: Notebook | None) -> list[dict[str, Any]]:
    """Return the cells in which the two sides differ, in the order of mine, then theirs; a missing cell is None."""
    cells = {
        name: _by_id(notebook or {"cells": []}) for name, notebook in zip("bmt", (base, mine, theirs), strict=True)
    }
    return [
        {
            "cell_id": cell_id,
            "mine": cells["m"].get(cell_id),
            "theirs": cells["t"].get(cell_id),
            "base": cells["b"].get(cell_id),
        }
        for cell_id in dict.fromkeys([*cells["m"], *cells["t"]])
        if cells["m"].get(cell_id) != cells["t"].get(cell_id)
    ]


def _by_id(notebook: Notebook) -> dict[str, Cell]:
    return {cell["id"]: cell for cell in notebook["cells"]}


def _cell(base: Cell | None, mine: Cell | None, theirs: Cell | None) -> Cell | None:
    """Return the merged cell, None where it was deleted."""
    texts = [cell and {k: v for k, v in cell.items() if k not in OF_A_RUN} for cell in (base, mine, theirs)]
    if texts[1] == texts[2]:
        return theirs if mine == base else mine
    if texts[1] == texts[0]:
        return theirs
    if texts[2] == texts[0]:
        return mine
    raise Unmergeable


def _order(base: list[str], mine: list[str], theirs: list[str], *, kept: Mapping[str, Cell]) -> list[str]:
    """Return the ids in the order of the side that has moved cells, with the other's own after what they follow."""
    common = set(base) & set(mine) & set(theirs)
    orders = [[cell_id for cell_id in ids if cell_id in common] for ids in (base, mine, theirs)]
    if orders[1] == orders[0]:
        first, second = theirs, mine
    elif orders[2] in (orders[0], orders[1]):
        first, second = mine, theirs
    else:
        raise Unmergeable
    result = [cell_id for cell_id in first if cell_id in kept]
    for at, cell_id in enumerate(second):
        if cell_id in kept and cell_id not in result:
            before = next((one for one in reversed(second[:at]) if one in result), None)
            result.insert(result.index(before) + 1 if before else 0, cell_id)
    return result


def _mapping(base: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Merge the notebook's metadata by name; ``language_info``, which kernels write, is mine where both changed."""
    merged = {}
    for name in dict.fromkeys([*mine, *theirs]):
        b, m, t = base.get(name), mine.get(name), theirs.get(name)
        if m not in (b, t) and t != b and name != "language_info":
            raise Unmergeable
        value = t if m == b else m
        if value is not None:
            merged[name] = value
    return merged
