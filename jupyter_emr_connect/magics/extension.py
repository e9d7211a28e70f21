"""What ``%load_ext jupyter_emr_connect`` does in a local kernel: ``%emr``, and the cell magics for what it attaches."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

from .completion import Completer
from .emr_magic import EMRMagics
from .spark_magics import SparkMagics


def load(shell: InteractiveShell, spark: SparkMagics | None = None) -> SparkMagics:
    """Register ``%emr`` and the cell magics in a shell; ``spark`` where a kernel has its session already."""
    magics = spark or SparkMagics(shell)
    emr = EMRMagics(shell, magics)
    shell.register_magics(magics)
    shell.register_magics(emr)

    completer = Completer(lambda: emr.settings, lambda: list(magics.attached))
    shell.set_hook("complete_command", completer, re_key=r"%?emr")
    return magics
