"""Our side of what Spark's kernels get so that an interrupted cell stops on Spark too (``kernel_spark.py``)."""

from __future__ import annotations

from importlib.resources import files
from typing import Any


def installation() -> dict[str, Any]:
    """Return the content of the execute request that installs it; called when a kernel for Spark starts or restarts.

    There is no code to run, only a user expression, as for the journal (``journal.py``).
    """
    source = files(__package__).joinpath("kernel_spark.py").read_text(encoding="utf-8")
    call = f"{source}\ninstall(get_ipython())\n"
    expression = f"exec({call!r}, {{'__name__': 'emr_connect_spark', 'get_ipython': get_ipython}})"
    return {
        "code": "",
        "silent": True,
        "store_history": False,
        "user_expressions": {"emr_connect": expression},
        "allow_stdin": False,
        "stop_on_error": False,
    }
