"""What `jupyter emr run` makes of Spark cells: which start the session, refused settings, the error that is shown."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_output

from jupyter_emr_connect.cli.spark_cells import configures, error_line, refusal_of_settings, starts_session

REFUSAL = (
    "A session has already been started. If you intend to recreate the session with new configurations, please "
    "include the -f argument."
)
PYTHON = """name 'nosuch' is not defined
Traceback (most recent call last):
  File "<stdin>", line 1, in <module>
NameError: name 'nosuch' is not defined

"""
ANALYSIS = """[TABLE_OR_VIEW_NOT_FOUND] The table or view `x` cannot be found. Verify the spelling.
To tolerate the error on drop use DROP VIEW IF EXISTS; line 1 pos 14;
'Project [*]

Traceback (most recent call last):
  File "/opt/spark/python/pyspark/errors/exceptions/captured.py", line 185, in deco
    raise converted from None
pyspark.errors.exceptions.captured.AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view `x` cannot be found. \
Verify the spelling.
To tolerate the error on drop use DROP VIEW IF EXISTS; line 1 pos 14;
"""
JAVA = """An error occurred while calling o88.collect.
: org.apache.spark.SparkException: Job aborted due to stage failure
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2856)

Traceback (most recent call last):
py4j.protocol.Py4JJavaError: An error occurred while calling o88.collect.
: org.apache.spark.SparkException: Job aborted due to stage failure
"""


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("SparkStatementException", PYTHON, "NameError: name 'nosuch' is not defined"),
        (
            "SparkStatementException",
            ANALYSIS,
            "AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view `x` cannot be found. Verify the spelling.",
        ),
        (
            "SparkStatementException",
            JAVA,
            "Py4JJavaError: An error occurred while calling o88.collect: org.apache.spark.SparkException: "
            "Job aborted due to stage failure",
        ),
        (
            "SparkStatementException",
            "<console>:24: error: not found: value x\n  x\n  ^\n",
            "<console>:24: error: not fo",
        ),
        ("ZeroDivisionError", "division by zero", "ZeroDivisionError: division by zero"),
        ("ValueError", "\n a\nSyntaxError: a", "ValueError: a"),
        ("AssertionError", "", "AssertionError: no message"),
        ("SparkStatementException", "", "no message"),
    ],
)
def test_the_error_shown_is_the_cells_own(name, value, line):
    assert error_line(name, value).startswith(line)
    assert "\n" not in error_line(name, value)


def test_a_long_error_is_cut():
    assert len(error_line("E", "x" * 5000)) == 300


@pytest.mark.parametrize(
    ("source", "settings", "session"),
    [
        ('%%configure -f\n{"conf": {}}', True, False),
        ("%%configure\n{}", True, False),
        ("%%configured\n{}", False, False),
        ("\n%%configure\n{}", False, True),  # sparkmagic looks at the first column alone
        ("x = 1", False, True),
        ("%%sql -o t\nselect 1", False, True),
        ("%%send_to_spark -i x", False, True),
        ("%matplot plt", False, True),
        ("%%local\nx = 1", False, False),
        ("%%info", False, False),
        ("  \n", False, False),
    ],
)
def test_which_cells_set_and_which_start_the_session(source, settings, session):
    assert (configures(source), starts_session(source)) == (settings, session)


@pytest.mark.parametrize(
    ("source", "stream", "text", "refused"),
    [
        ("%%configure\n{}", "stderr", f"{REFUSAL}\n", True),
        ("%%configure -f\n{", "stderr", "Could not parse JSON object from input '{'", True),
        ("%%configure\n{}", "stdout", REFUSAL, False),
        ("%%configure\n{}", "stderr", "The connection was lost and is back.", False),
        ("print(1)", "stderr", REFUSAL, False),
    ],
)
def test_settings_that_sparkmagic_drops_are_seen(source, stream, text, refused):
    cell = new_code_cell(source, outputs=[new_output("stream", name=stream, text=text)])
    assert refusal_of_settings(cell) == (text.strip() if refused else None)
