"""What is asked of a remote kernel unseen, run by an IPython of this process."""

from __future__ import annotations

import json

import pytest
from IPython.core.interactiveshell import InteractiveShell

from jupyter_emr_connect.gateway.injected.install import EXPRESSION, number_in, number_request

CELL = "%emr show 'it'\n%emr list"


def test_a_cell_that_is_answered_here_takes_the_kernels_next_number() -> None:
    shell = InteractiveShell()
    shell.run_cell("1", store_history=True)
    asked = number_request(CELL)
    shell.user_ns["get_ipython"] = lambda: shell
    told = shell.user_expressions(asked["user_expressions"])
    assert number_in(json.dumps({"user_expressions": told}).encode()) == 2
    shell.run_cell("3", store_history=True)
    assert (shell.user_ns["In"], shell.execution_count) == (["", "1", CELL, "3"], 4)
    assert (asked["code"], asked["silent"], asked["store_history"]) == ("", True, False)


@pytest.mark.parametrize("told", [{}, {EXPRESSION: {"status": "error"}}, {EXPRESSION: {"data": {"text/plain": "x"}}}])
def test_a_kernel_that_is_no_ipython_tells_no_number(told: dict[str, object]) -> None:
    assert number_in(json.dumps({"user_expressions": told}).encode()) is None
    assert number_in(b"") is None
