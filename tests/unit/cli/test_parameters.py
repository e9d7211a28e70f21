"""Parameters of ``jupyter emr run``: typed as papermill types them, overriding in its order, injected as it does."""

from __future__ import annotations

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from papermill.cli import _resolve_type

from jupyter_emr_connect.cli.notebooks import NotebookKernel, clear_outputs, set_parameters, type_parameter
from jupyter_emr_connect.cli.run import gather_parameters
from jupyter_emr_connect.errors import NotebookError

PYTHON = NotebookKernel("emr-pyspark", "python", True)
SAMPLES = ["1", "-2", "1.5", "1e3", "nan", "inf", "True", "true", "False", "None", "none", "", "x", "1_000", " 3 ", "٣"]


@pytest.mark.parametrize("text", SAMPLES)
def test_typed_as_papermill_does(text):
    assert repr(type_parameter(text)) == repr(_resolve_type(text))


@given(st.text(max_size=12))
def test_any_text_is_typed_as_papermill_does(text):
    assert repr(type_parameter(text)) == repr(_resolve_type(text))


def test_the_later_form_overrides_the_earlier(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text("a: 1\nb: [1, 2]\nc: file\nd: file\n")
    merged = gather_parameters((("c", "2"), ("d", "3")), (("d", "4"),), (file,))
    assert merged == {"a": 1, "b": [1, 2], "c": 2, "d": "4"}


@pytest.mark.parametrize("content", ["- 1\n- 2\n", "a: [", "1: x\n", "just text", ""])
def test_a_file_that_does_not_hold_names_and_values(tmp_path, content):
    file = tmp_path / "p.yaml"
    file.write_text(content)
    with pytest.raises(NotebookError, match="parameters file"):
        gather_parameters((), (), (file,))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(NotebookError, match="No such file"):
        gather_parameters((), (), (tmp_path / "none.yaml",))


def test_the_cell_follows_the_parameters_cell_and_other_cells_stay():
    cells = [
        new_markdown_cell("# T"),
        new_code_cell("a = 1", metadata={"tags": ["parameters"]}),
        new_code_cell("print(a)"),
    ]
    done = set_parameters(new_notebook(cells=cells), {"a": 2, "s": "x'y", "none": None}, PYTHON)
    assert [cell.source for cell in done.cells] == [
        "# T",
        "a = 1",
        '# Parameters\na = 2\ns = "x\'y"\nnone = None\n',
        "print(a)",
    ]
    assert done.cells[2].metadata["tags"] == ["injected-parameters"]
    assert "tags" not in done.cells[3].metadata
    nbformat.validate(done)


SETTINGS = '%%configure -f\n{"conf": {"spark.sql.shuffle.partitions": "3"}}'
USES = "print(month)"
SPARK = [PYTHON, NotebookKernel("emr-spark", "scala", True), NotebookKernel("emr-sparkr", "R", True)]


def places(cells, kernel):
    done = set_parameters(new_notebook(cells=cells), {"month": "2026-11"}, kernel)
    nbformat.validate(done)
    return ["injected" if "Parameters" in cell.source else cell.source for cell in done.cells]


@pytest.mark.parametrize("kernel", SPARK)
def test_settings_of_the_session_come_before_the_parameters_that_start_it(kernel):
    assert places([new_code_cell(SETTINGS), new_code_cell(USES)], kernel) == [SETTINGS, "injected", USES]
    cells = [new_markdown_cell("T"), new_code_cell("%%local\n1"), new_code_cell(""), new_code_cell(SETTINGS)]
    assert places([*cells, new_code_cell(SETTINGS), new_code_cell(USES)], kernel)[-4:] == [
        SETTINGS,
        SETTINGS,
        "injected",
        USES,
    ]


def test_parameters_injected_before_settings_by_an_earlier_run_are_moved():
    earlier = new_code_cell("# Parameters\nmonth = 1", metadata={"tags": ["injected-parameters"]})
    assert places([earlier, new_code_cell(SETTINGS), new_code_cell(USES)], PYTHON) == [SETTINGS, "injected", USES]


@pytest.mark.parametrize("tag", ["parameters", "injected-parameters"])
def test_where_the_user_has_put_the_parameters_they_stay(tag):
    tagged = new_code_cell("# Parameters\nmonth = 1", metadata={"tags": [tag]})
    before = [SETTINGS, USES, "injected", *(["injected"] if tag == "parameters" else []), SETTINGS]
    cells = [new_code_cell(SETTINGS), new_code_cell(USES), tagged, new_code_cell(SETTINGS)]
    assert places(cells, PYTHON) == before


def test_parameters_come_first_where_the_session_has_started_or_there_is_none():
    assert places([new_code_cell(USES), new_code_cell(SETTINGS)], PYTHON) == ["injected", USES, SETTINGS]
    local = NotebookKernel("emr-python", "python", False)
    assert places([new_code_cell(SETTINGS)], local) == ["injected", SETTINGS]


def test_outputs_of_earlier_runs_are_taken_out():
    notebook = new_notebook(cells=[new_markdown_cell("T"), new_code_cell("1", execution_count=7)])
    notebook.cells[1].outputs = [nbformat.v4.new_output("display_data", {"text/html": "<b>"})]
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    clear_outputs(notebook)
    assert (notebook.cells[1].outputs, notebook.cells[1].execution_count) == ([], None)
    assert "widgets" not in notebook.metadata
    nbformat.validate(notebook)


@pytest.mark.parametrize(
    ("kernel", "line"),
    [(NotebookKernel("emr-spark", "scala", True), "val a = 2"), (NotebookKernel("emr-sparkr", "R", True), "a = 2")],
)
def test_other_languages(kernel, line):
    done = set_parameters(new_notebook(cells=[new_code_cell("x")]), {"a": 2}, kernel)
    assert line in done.cells[0].source


def test_a_language_that_papermill_does_not_know():
    with pytest.raises(NotebookError, match="cobol"):
        set_parameters(new_notebook(), {"a": 2}, NotebookKernel("emr-cobol", "cobol", False))


@pytest.mark.parametrize(
    ("cell", "value", "done"),
    [
        ("%%sql\nSELECT * FROM t WHERE day = '${day}' AND x = ${x}", "2024-02-29", "= '2024-02-29' AND x = ${x}"),
        ("%%sql -o rows -q\nSELECT ${day}", 7, "SELECT 7"),
        ('%%configure -f\n{"driverMemory": "${day}"}', 'a"b', '{"driverMemory": "a\\"b"}'),
        ('%%configure -f\n{"numExecutors": ${day}}', 3, '{"numExecutors": 3}'),
        ("%%sql\nSELECT ${day}", True, "SELECT true"),
        ("%%sql\nSELECT ${day}", None, "SELECT null"),
        ("%%local\nprint('${day}')", 7, "print('${day}')"),
        ("f'${day}'", 7, "f'${day}'"),
    ],
)
def test_parameters_reach_into_settings_and_queries(cell, value, done):
    notebook = set_parameters(new_notebook(cells=[new_code_cell(cell)]), {"day": value}, PYTHON)
    (source,) = [one.source for one in notebook.cells if "Parameters" not in one.source]
    assert source.endswith(done)


def test_parameters_do_not_reach_into_cells_of_kernels_without_magics():
    local = NotebookKernel("emr-python", "python", False)
    notebook = set_parameters(new_notebook(cells=[new_code_cell("%%sql\nSELECT ${day}")]), {"day": 1}, local)
    assert notebook.cells[1].source == "%%sql\nSELECT ${day}"
