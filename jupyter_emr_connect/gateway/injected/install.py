"""Execute requests that put code of this package into a remote kernel: its journal, and what cancels Spark's jobs.

They leave the kernel's history, execution count and namespace as they were, so the user does not see them; the one of
a cell that is answered on the user's side takes that cell's number.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from ..protocol.framing import Part

EXPRESSION = "emr_connect"


def journal_installation(limit_bytes: int) -> dict[str, Any]:
    """Return the content of the execute request that installs a journal of ``limit_bytes`` (``kernel_journal.py``)."""
    return injection_request("kernel_journal", f"install(get_ipython().kernel, {limit_bytes})")


def spark_installation(*, bars: bool = True) -> dict[str, Any]:
    """Return the content of the execute request after which an interrupted cell stops on Spark too.

    It runs ``kernel_spark.py``. For kernels that use Spark, when they start or restart. Without ``bars`` sparkmagic
    shows no progress bars.
    """
    return injection_request("kernel_spark", f"install(get_ipython(), {bars})")


def injection_request(module: str, call: str) -> dict[str, Any]:
    """Return the content of an execute request that runs the text of one of this package's modules, and then ``call``.

    There is no code to run: the module is run by a user expression, so that neither history, nor execution count, nor
    namespace, nor the hooks of a cell notice it, and a sparkmagic kernel does not send it on to Livy. ``call`` has
    ``get_ipython``.
    """
    source = files(__package__).joinpath(f"{module}.py").read_text(encoding="utf-8")
    code = f"{source}\n{call}\n"
    return _unseen(f"exec({code!r}, {{'__name__': 'emr_connect_{module}', 'get_ipython': get_ipython}})")


def number_request(code: str) -> dict[str, Any]:
    """Return the content of the execute request that takes the kernel's next number for a cell it does not run.

    The kernel's history has the cell's ``code`` under it. :func:`number_in` reads the reply.
    """
    store = f"ip.history_manager.store_inputs(ip.execution_count, {code!r})"
    advance = "setattr(ip, 'execution_count', ip.execution_count + 1)"
    return _unseen(f"(lambda ip: ({store}, {advance}, ip.execution_count - 1)[2])(get_ipython())")


def number_in(content: Part) -> int | None:
    """Return the number that the reply to :func:`number_request` tells; None where the kernel is no IPython."""
    try:
        return int(json.loads(bytes(content))["user_expressions"][EXPRESSION]["data"]["text/plain"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _unseen(expression: str) -> dict[str, Any]:
    return {
        "code": "",
        "silent": True,
        "store_history": False,
        "user_expressions": {EXPRESSION: expression},
        "allow_stdin": False,
        "stop_on_error": False,
    }


def is_installed(content: Part) -> bool:
    """Return whether the content of the execute reply to an injection says that it worked."""
    try:
        reply = json.loads(bytes(content))
        return bool(reply["user_expressions"][EXPRESSION]["status"] == "ok")
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
