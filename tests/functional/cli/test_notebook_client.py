"""What a headless run's cells show, of a real kernel."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_emr_connect.cli.notebook_client import FrontEndClient

PROGRESS = """
import sys, time
for step in range(100):
    sys.stderr.write(f"\\r{step}%")
    sys.stderr.flush()
print("out", flush=True)
time.sleep(0.5)
_ = sys.stderr.write("later")
"""
BAR = """
from IPython.display import display
from ipywidgets import FloatProgress
bar = FloatProgress(description="Progress:")
display(bar)
bar.value = 0.5
print("between")
bar.close()
"""


@pytest.mark.slow
async def test_a_progress_line_is_folded_and_a_finished_bar_is_gone():
    notebook = new_notebook(cells=[new_code_cell(PROGRESS), new_code_cell(BAR)])
    await FrontEndClient(notebook, kernel_name="python3").async_execute()
    shown = [[(one.name, one.text) for one in cell.outputs] for cell in notebook.cells]
    assert shown == [[("stderr", "99%"), ("stdout", "out\n"), ("stderr", "later")], [("stdout", "between\n")]]
    assert "widgets" not in notebook.metadata
    nbformat.validate(notebook)
