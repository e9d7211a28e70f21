"""How code of ours gets into a remote kernel without a trace."""

from __future__ import annotations

from importlib.resources import files
from typing import Any


def injection_request(module: str, call: str) -> dict[str, Any]:
    """Return the content of an execute request that runs the text of one of this package's modules, and then ``call``.

    There is no code to run: the module is run by a user expression, so that neither history, nor execution count, nor
    namespace, nor the hooks of a cell notice it, and a sparkmagic kernel does not send it on to Livy. ``call`` has
    ``get_ipython``. The reply tells in ``user_expressions["emr_connect"]`` how it went.
    """
    source = files(__package__).joinpath(f"{module}.py").read_text(encoding="utf-8")
    code = f"{source}\n{call}\n"
    expression = f"exec({code!r}, {{'__name__': 'emr_connect_{module}', 'get_ipython': get_ipython}})"
    return {
        "code": "",
        "silent": True,
        "store_history": False,
        "user_expressions": {"emr_connect": expression},
        "allow_stdin": False,
        "stop_on_error": False,
    }


# -- Our side of what Spark's kernels get so that an interrupted cell stops on Spark too (``kernel_spark.py``).


def installation() -> dict[str, Any]:
    """Return the content of the execute request that installs it; called when a kernel for Spark starts or restarts."""
    return injection_request("kernel_spark", "install(get_ipython())")
