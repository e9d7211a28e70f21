"""Our side of what Spark's kernels get so that an interrupted cell stops on Spark too (``kernel_spark.py``)."""

from __future__ import annotations

from typing import Any

from .silent import silently


def installation() -> dict[str, Any]:
    """Return the content of the execute request that installs it; called when a kernel for Spark starts or restarts."""
    return silently("kernel_spark", "install(get_ipython())")
