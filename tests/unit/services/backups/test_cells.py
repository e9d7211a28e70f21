"""Notebooks compared cell by cell, and one cell put back."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.services.backups.cells import cell_of, diff_cells, put_cell


def notebook(*cells):
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def cell(cell_id, source="", outputs=(), kind="code"):
    found = {"cell_type": kind, "metadata": {}, "source": source, "outputs": list(outputs)}
    return {"id": cell_id, **found} if cell_id else found


def kinds(old, new):
    return [(change.kind, change.cell_id) for change in diff_cells(notebook(*old), notebook(*new))]


A, B, C = cell("a", "1"), cell("b", "2"), cell("c", "3")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ([A, B], [A, B], []),
        ([A, C], [A, B, C], [("added", "b")]),
        ([A, B, C], [A, C], [("removed", "b")]),
        ([A, B], [A, cell("b", "changed")], [("changed", "b")]),
        ([A, B], [A, cell("b", ["2"])], []),
        ([A, B], [A, cell("b", "2", kind="markdown")], [("changed", "b")]),
        ([A, B], [A, cell("b", "2", [{"output_type": "stream"}])], [("outputs", "b")]),
        ([A, B, C], [C, A, B], [("moved", "c")]),
        ([A], [B], [("removed", "a"), ("added", "b")]),
        ([], [], []),
        ([cell(None, "1"), cell(None, "2")], [cell(None, "1"), cell(None, "two")], [("changed", None)]),
        ([cell(None, "1"), cell(None, "2")], [cell(None, "2")], [("removed", None)]),
    ],
)
def test_cells_are_compared_by_their_ids(old, new, found):
    assert kinds(old, new) == found


@pytest.mark.parametrize(
    ("present", "cells"),
    [
        ([A, cell("b", "mine"), C], ["1", "2", "3"]),
        ([A, C], ["1", "2", "3"]),
        ([C], ["2", "3"]),
        ([C, A], ["3", "1", "2"]),
        ([], ["2"]),
    ],
)
def test_a_cell_comes_back_to_its_place(present, cells):
    former = notebook(A, B, C)
    changed = put_cell(notebook(*present), former, cell_of(former, "b"))
    assert [each["source"] for each in changed["cells"]] == cells


def test_a_cell_without_an_id_is_named_by_its_number():
    former = notebook(cell(None, "1"), cell(None, "2"))
    assert cell_of(former, "#2")["source"] == "2"
    assert cell_of(former, "#3") is None
    assert cell_of(former, "x") is None
