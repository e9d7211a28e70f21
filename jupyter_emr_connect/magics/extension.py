"""What ``%load_ext jupyter_emr_connect`` does in a local kernel: ``%emr``, and the cell magics for what it attaches."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from .emr_magic import EMRMagics
from .spark_magics import SparkMagics


def load(shell: InteractiveShell, spark: SparkMagics | None = None) -> SparkMagics:
    """Register ``%emr`` and the cell magics in a shell; ``spark`` where a kernel has its session already."""
    magics = spark or SparkMagics(shell)
    emr = EMRMagics(shell, magics)
    shell.register_magics(magics)
    shell.register_magics(emr)

    def complete(_: Any, event: Any) -> list[str]:
        words = event.line[: len(event.line)].split()
        return emr.verbs if len(words) <= 1 or (len(words) == 2 and event.symbol) else []

    shell.set_hook("complete_command", complete, re_key=r"%?emr")
    return magics
