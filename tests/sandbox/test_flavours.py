"""The notebooks of the documentation, one for each flavour of EMR: the same cells give the same answer everywhere."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.conftest import Sandbox

pytestmark = pytest.mark.sandbox
NOTEBOOKS = Path(__file__).parents[2] / "docs" / "notebooks"
FLAVOURS = {
    "ec2-gateway": ("analytics", "--transport", "gateway", "--runtime-role", "EMRAnalyst"),
    "ec2-livy": ("analytics", "--transport", "livy", "--runtime-role", "EMRAnalyst"),
    "serverless": ("interactive", "--runtime-role", "EMRAnalyst"),
    "eks": ("notebooks", "--runtime-role", "EMRAnalyst"),
}


def code_of(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_there_is_one_for_each_flavour_and_their_cells_are_the_same() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(FLAVOURS)
    first, *others = [code_of(path) for path in NOTEBOOKS.glob("*.ipynb")]
    assert all(code == first for code in others)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_it_runs_headless_under_its_role_with_a_parameter(sandbox: Sandbox, tmp_path: Path, flavour: str) -> None:
    output = tmp_path / "out.ipynb"
    words = ("--compute", *FLAVOURS[flavour], "-p", "trips", "2000", "-o", str(output))
    done = sandbox.cli("run", str(NOTEBOOKS / f"{flavour}.ipynb"), *words, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("NOTE") == 0
    cells = [cell for cell in nbformat.read(output, as_version=4).cells if cell.cell_type == "code"]
    table, total, answer = ["".join(one.get("text", "") for one in cell.outputs) for cell in cells[-3:]]
    assert "| Oslo|  500|" in table
    assert total.splitlines()[-1] == "135"
    assert answer.splitlines()[-1].startswith("2,000 trips, Spark 3.5.9, as user ")
