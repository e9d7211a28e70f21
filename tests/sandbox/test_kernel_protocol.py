"""The kernel protocol suite of the PyPI package ``jupyter_kernel_test``, on ``emr-python`` through the provisioner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jupyter_kernel_test
import pytest

from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="class", autouse=True)
def attached(sandbox: Sandbox) -> Iterator[None]:
    with attached_to(sandbox, "open"):
        yield


class TestEMRPython(jupyter_kernel_test.KernelTests):
    kernel_name = "emr-python"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples = [{"text": "zi", "matches": {"zip"}}]
    complete_code_samples = ["1", "print('hello, world')", "def f(x):\n  return x*2\n\n\n"]
    incomplete_code_samples = ["print('''hello", "def f(x):\n  x*2"]
    invalid_code_samples = ["import = 7q"]
    code_page_something = "zip?"
    code_generate_error = "raise"
    code_execute_result = [
        {"code": "1+2+3", "result": "6"},
        {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"},
    ]
    code_display_data = [
        {"code": "from IPython.display import HTML, display; display(HTML('<b>test</b>'))", "mime": "text/html"},
        {"code": "from IPython.display import Math, display; display(Math('\\\\frac{1}{2}'))", "mime": "text/latex"},
    ]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "search")  # "range" fails on a local ipykernel 7.4 as well (session 0)
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"

    def execute_helper(self, *args: Any, **kwargs: Any) -> Any:
        """Run a cell and collect its outputs, of which the suite itself waits 0.1 s for each."""
        channel = self.kc.iopub_channel
        get_msg = channel.get_msg
        channel.get_msg = lambda timeout=None: get_msg(timeout=60)
        try:
            return super().execute_helper(*args, **kwargs)
        finally:
            channel.get_msg = get_msg
