"""Notebooks compared cell by cell, and one cell put from one into another; notebooks are nbformat 4's JSON."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

Notebook = dict[str, Any]
Cell = dict[str, Any]


@dataclass(frozen=True)
class CellChange:
    """What has become of one cell from an old notebook to a new one; ``cell_id`` is None before nbformat 4.5.

    ``changed`` is said of its source, kind or attachments; ``outputs`` of its outputs alone. The cells are None where
    there is none.
    """

    kind: Literal["added", "removed", "changed", "outputs", "moved"]
    cell_id: str | None
    old: Cell | None
    new: Cell | None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return dict(vars(self))


def diff_cells(old: Notebook, new: Notebook) -> list[CellChange]:
    """Return the cells that differ, in the order of the new notebook, a removed one after what it followed.

    Cells are the same by their id; those without one by the longest common run of sources.
    """
    pairs = _pairs(cells_in(old), cells_in(new))
    order = [pair[0] for pair in pairs if pair[0] is not None and pair[1] is not None]
    stayed = _increasing(order)
    return [change for pair in pairs if (change := _change(old, new, pair, stayed)) is not None]


def read_notebook(content: bytes) -> Notebook | None:
    """Return the notebook in a file's bytes; None for anything else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("cells"), list) else None


def write_notebook(notebook: Notebook) -> bytes:
    """Return a notebook's bytes as Jupyter writes them."""
    return (json.dumps(notebook, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "surrogatepass")


def cells_in(notebook: Notebook) -> list[Cell]:
    """Return the cells of a notebook that are some."""
    return [cell for cell in notebook.get("cells") or [] if isinstance(cell, dict)]


def source_of(cell: Cell) -> str:
    """Return a cell's text, which files may have as a list of lines."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def cell_of(notebook: Notebook, cell_id: str) -> Cell | None:
    """Return the cell with an id, or with its number (``#3``, from 1 on) where cells have no ids."""
    cells = cells_in(notebook)
    if cell_id.startswith("#") and cell_id[1:].isdigit():
        number = int(cell_id[1:])
        return cells[number - 1] if 0 < number <= len(cells) else None
    return next((cell for cell in cells if cell.get("id") == cell_id), None)


def put_cell(present: Notebook, former: Notebook, cell: Cell) -> Notebook:
    """Return the present notebook with a cell of a former state in place of the same one.

    Where it is gone, it comes after the nearest cell before it that is still there, else to the beginning.
    """
    pairs = _pairs(cells_in(former), cells_in(present))
    position = next(index for index, each in enumerate(cells_in(former)) if each is cell)
    places = {old: new for old, new in pairs if old is not None and new is not None}
    cells = list(cells_in(present))
    if position in places:
        cells[places[position]] = cell
    else:
        before = next((places[index] for index in range(position - 1, -1, -1) if index in places), -1)
        cells.insert(before + 1, cell)
    return {**present, "cells": cells}


Pair = tuple[int | None, int | None]


def _pairs(old: list[Cell], new: list[Cell]) -> list[Pair]:
    """Return which cell is which, by positions, in the order of the new notebook with removed ones in between."""
    twins = {cell["id"]: index for index, cell in enumerate(old) if isinstance(cell.get("id"), str)}
    found = {index: twins[cell["id"]] for index, cell in enumerate(new) if cell.get("id") in twins}
    found.update(_without_ids(old, new, found))
    pairs: list[Pair] = [(found.get(index), index) for index in range(len(new))]
    for index in (index for index in range(len(old)) if index not in found.values()):
        places = [at + 1 for at, (before, _) in enumerate(pairs) if before is not None and before < index]
        pairs.insert(max(places, default=0), (index, None))
    return pairs


def _without_ids(old: list[Cell], new: list[Cell], known: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs (new, old) of cells that have no id on one side, by their sources and places."""
    left_old = [index for index in range(len(old)) if index not in known.values()]
    left_new = [index for index in range(len(new)) if index not in known]
    texts = [source_of(old[index]) for index in left_old], [source_of(new[index]) for index in left_new]
    for tag, a1, a2, b1, b2 in difflib.SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
        if tag == "equal" or (tag == "replace" and a2 - a1 == b2 - b1):
            for a, b in zip(left_old[a1:a2], left_new[b1:b2], strict=True):
                if "id" not in old[a] or "id" not in new[b]:
                    yield b, a


def _change(old: Notebook, new: Notebook, pair: Pair, stayed: set[int]) -> CellChange | None:
    before = cells_in(old)[pair[0]] if pair[0] is not None else None
    after = cells_in(new)[pair[1]] if pair[1] is not None else None
    cell_id = (after or before or {}).get("id")
    if before is None or after is None:
        return CellChange("removed" if after is None else "added", cell_id, before, after)
    if _meaning(before) != _meaning(after):
        return CellChange("changed", cell_id, before, after)
    if before.get("outputs") != after.get("outputs"):
        return CellChange("outputs", cell_id, before, after)
    return None if pair[0] in stayed else CellChange("moved", cell_id, before, after)


def _meaning(cell: Cell) -> tuple[Any, ...]:
    return cell.get("cell_type"), source_of(cell), cell.get("attachments")


def _increasing(order: list[int]) -> set[int]:
    """Return a longest increasing subsequence: the cells that stayed where they were, beside those that were moved."""
    best: list[tuple[int, int]] = []  # length of the longest run that ends here, and the run's position before it
    for index, value in enumerate(order):
        earlier = [(best[at][0], at) for at in range(index) if order[at] < value]
        length, before = max(earlier, default=(0, -1))
        best.append((length + 1, before))
    at = max(range(len(best)), key=lambda index: best[index][0], default=-1)
    stayed = set()
    while at >= 0:
        stayed.add(order[at])
        at = best[at][1]
    return stayed
