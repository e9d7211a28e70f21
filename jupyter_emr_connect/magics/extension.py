"""What ``%load_ext jupyter_emr_connect`` does in a local kernel: ``%emr``, and the cell magics for what it attaches."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

from ..config import EMRConnect, load_config
from .commands import EMRCommands
from .completion import Completer
from .emr_magic import EMRMagics, SessionCommands
from .spark_magics import SparkMagics


def load(shell: InteractiveShell) -> None:
    """Register ``%emr`` and the cell magics in a shell."""
    magics = SparkMagics(shell)
    register(shell, magics, SessionCommands(magics.screen, lambda: EMRConnect(config=load_config()), magics))


def register(shell: InteractiveShell, magics: SparkMagics, commands: EMRCommands) -> None:
    """Register ``%emr`` as ``commands`` answers it, its completion, and the cell magics."""
    shell.register_magics(magics)
    shell.register_magics(EMRMagics(shell, commands))
    completer = Completer(lambda: commands.settings, lambda: list(magics.attached), commands.verbs)
    shell.set_hook("complete_command", completer, re_key=r"%?emr")
