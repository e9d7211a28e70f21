"""Copies beside a file that is to be replaced, and what killed processes have left."""

from __future__ import annotations

import os

from jupyter_emr_connect.services.backups.beside import copy_beside, drop_old_parts, part_of


def test_no_copy_takes_the_place_of_another(tmp_path):
    names = ["a.ipynb", f"{'x' * 240}1.ipynb", f"{'x' * 240}2.ipynb", "\N{SNOWMAN}" * 80 + ".ipynb"]
    for name in names:
        (tmp_path / name).write_text(name)
    copies = {copy_beside(tmp_path / name): name for name in names for _ in range(3)}
    assert len(copies) == 12
    assert {copy: copy.read_text() for copy in copies} == copies
    assert not list(tmp_path.glob(".*"))


def test_parts_are_dropped_once_nobody_can_be_writing_them(tmp_path):
    old, young = part_of(tmp_path / "a"), part_of(tmp_path / "a")
    for part in (old, young):
        part.write_text("x")
    os.utime(old, (0, 0))
    drop_old_parts(tmp_path)
    assert list(tmp_path.iterdir()) == [young]
