"""``jupyter emr``: the entry point, the lazy table of commands, and the one place where errors are printed.

Commands are imported when used, so that ``--help`` and shell completion stay fast. Exit codes: 0 done, 1 failed,
2 misuse.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from pathlib import Path

import click

from ..aws.mfa import allow_prompts
from ..errors import EMRConnectError
from ..presentation.text import printable
from .groups import HintingGroup
from .output import print_error

# name -> (module, attribute, one line of help, so that `--help` imports none of them)
COMMANDS = {
    "list": ("compute", "list_command", "List the computes a kernel can attach to, and why others cannot."),
    "show": ("compute", "show", "Show one compute with all its details."),
    "roles": ("roles", "roles", "List the runtime roles you may take on a compute, and why not others."),
    "attach": ("attachments", "attach_command", "Attach a notebook or folder to a compute."),
    "status": ("attachments", "status", "Show who you are and what is attached."),
    "detach": ("attachments", "detach_command", "End the attachment of a notebook or folder."),
    "kernels": ("kernels", "kernels", "List the gateway kernels that were started from here; adopt, shut down, prune."),
    "run": ("run", "run", "Run a notebook headless on a compute."),
    "backups": ("backups", "backups", "Show what S3 has of a notebook, compare and restore it, or a whole folder."),
    "sandbox": ("sandbox", "sandbox", "An emulated EMR on this machine, with real Spark."),
    "completion": ("completion", "completion", "Print the code that makes your shell complete `jupyter emr`."),
}


class LazyGroup(HintingGroup):
    """A group that imports a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return a command, or None for a name that is not one."""
        if name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[name]
        loaded = getattr(importlib.import_module(f".{module}", __package__), attribute)
        return loaded if isinstance(loaded, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show Python's traceback when something fails.")
@click.version_option(package_name="jupyter_emr_connect", prog_name="jupyter_emr_connect")
def cli(debug: bool) -> None:
    """Attach notebooks to Amazon EMR under a runtime role."""


def main(arguments: list[str] | None = None) -> None:
    """Run ``jupyter-emr``, which is also what ``jupyter emr`` executes; never returns."""
    words = sys.argv[1:] if arguments is None else arguments
    if "_JUPYTER_EMR_COMPLETE" not in os.environ:
        allow_prompts()
    sys.exit(run_cli(words))


def run_cli(words: list[str]) -> int:
    """Run one command line and return its exit code; every failure ends here as a line or two on stderr."""
    options = words[: words.index("--")] if "--" in words else words
    as_json, debug = "--json" in options, "--debug" in options
    try:
        code = cli.main(
            args=words, prog_name="jupyter emr", complete_var="_JUPYTER_EMR_COMPLETE", standalone_mode=False
        )
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except EMRConnectError as error:
        if debug:
            traceback.print_exc()
        print_error(error, as_json=as_json)
        return 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader (`| head`) has gone; nothing more can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            traceback.print_exc()
        print_error(unexpected(error), as_json=as_json)
        return 1
    return code if isinstance(code, int) else 0


def unexpected(error: Exception) -> EMRConnectError:
    """Keep the traceback of a defect of ours in a file and return the error that names the file."""
    from jupyter_core.paths import jupyter_data_dir

    log = Path(jupyter_data_dir()) / "emr-connect" / "last-error.log"
    message = f"Something unexpected happened: {type(error).__name__}: {printable(str(error))[:300]}"
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return EMRConnectError(message, fix="Repeat with --debug to see where.")
    return EMRConnectError(message, fix=f"The details are in {log}; --debug shows them.")
