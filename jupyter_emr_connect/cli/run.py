"""``jupyter emr run``: a notebook, headless, on a compute."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .completion import complete_attachable, complete_kernelspecs
from .context import CommandContext
from .logins import with_login
from .options import common_options, require_non_empty, role_and_transport
from .output import print_json

if TYPE_CHECKING:
    from .execution import Result
    from .notebooks import NotebookKernel


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option(
    "--compute",
    metavar="COMPUTE",
    callback=require_non_empty,
    shell_complete=complete_attachable,
    help="Id, ARN or name; default: what the notebook or its folder is attached to.",
)
@role_and_transport
@click.option(
    "-p",
    "--parameter",
    "typed",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="A parameter; numbers, True, False and None are taken as such (as papermill does).",
)
@click.option("-r", "--raw-parameter", "raw", nargs=2, multiple=True, metavar="NAME TEXT", help="A parameter as text.")
@click.option("-f", "--parameters-file", "files", multiple=True, type=click.Path(path_type=Path), help="YAML or JSON.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where the executed notebook goes; default: NOTEBOOK with `.out` before its suffix.",
)
@click.option(
    "--kernel",
    "kernel_name",
    metavar="NAME",
    shell_complete=complete_kernelspecs,
    help="emr-pyspark, emr-spark, emr-sparkr or emr-python; default: the notebook's own.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Seconds that a cell may take; default: no limit.",
)
@common_options
def run(
    command: CommandContext,
    notebook: Path,
    compute: str | None,
    runtime_role: str | None,
    transport: str,
    typed: tuple[tuple[str, str], ...],
    raw: tuple[tuple[str, str], ...],
    files: tuple[Path, ...],
    output: Path | None,
    kernel_name: str | None,
    timeout: float | None,
) -> int:
    """Run NOTEBOOK headless on a compute.

    The notebook is written after every cell, also when one fails; it shows this run alone, and Jupyter trusts it as
    what you have run yourself. Parameters go after the cell tagged `parameters`, else to the top: in a Spark kernel
    behind leading %%configure cells, and `${name}` in %%configure and %%sql stands for them. Exit code 1 when a
    cell fails. Ctrl-C interrupts the remote cell; a second Ctrl-C ends the kernel at once.
    """
    from ..errors import LoginRefused, LoginRequired
    from . import notebooks
    from .execution import HeadlessRun
    from .reporting import make_reporter

    parameters = gather_parameters(typed, raw, files)
    content = notebooks.read_notebook(notebook)
    kernel = notebooks.choose_kernel(content, kernel_name)
    notebooks.clear_outputs(content)
    if parameters:
        content = notebooks.set_parameters(content, parameters, kernel)
    target = notebooks.Output(output or notebook.with_name(f"{notebook.stem}.out{notebook.suffix}"))
    env = kernel_environment(command, notebook, compute, runtime_role, transport, kernel.env)

    def run_once() -> Result:
        headless = HeadlessRun(
            content,
            kernel,
            target,
            env=env,
            timeout=timeout,
            ready_timeout=command.config.ready_timeout,
            reporter=make_reporter(),
            jupyter_config=command.config.config,
        )
        result = asyncio.run(headless.run())
        if isinstance(result.error, LoginRequired | LoginRefused) and not result.executed:
            raise result.error
        return result

    result = with_login(run_once)
    note_backup(command, target.path)
    return report(command, result, target.path, kernel)


def note_backup(command: CommandContext, file: Path) -> None:
    """Note the written notebook for the backups; where that fails, the next server's scan finds it."""
    from ..errors import StoreError
    from ..services.backups.noting import note_file

    try:
        note_file(command.config, file)
    except StoreError as error:
        click.echo(f"The backup of {file} is left to the next Jupyter server: {error}", err=True)


def gather_parameters(
    typed: tuple[tuple[str, str], ...], raw: tuple[tuple[str, str], ...], files: tuple[Path, ...]
) -> dict[str, Any]:
    """Return all parameters; as in papermill, ``-p`` overrides files and ``-r`` overrides both."""
    from .notebooks import read_parameters, type_parameter

    parameters: dict[str, Any] = {}
    for path in files:
        parameters.update(read_parameters(path))
    parameters.update({name: type_parameter(text) for name, text in typed})
    parameters.update(dict(raw))
    return parameters


def kernel_environment(
    command: CommandContext,
    notebook: Path,
    compute: str | None,
    runtime_role: str | None,
    transport: str,
    kernelspec_env: Mapping[str, str],
) -> dict[str, str]:
    """Return the environment in which the provisioner resolves the attachment.

    What the command line says goes before what the kernelspec sets, and that before this process's environment. Refuses
    here, before anything starts, when nothing names a compute.
    """
    from ..services.attachments.location import KernelLocation
    from ..services.attachments.resolution import resolve

    location = KernelLocation(str(notebook.absolute()))
    env = {**os.environ, **kernelspec_env, "JPY_SESSION_NAME": str(notebook.absolute())}
    env.pop("JPY_PARENT_PID", None)  # the name is this notebook's, not that of a kernel whose cell runs this command
    if compute:
        env = {name: value for name, value in env.items() if not name.startswith("EMR_CONNECT_")}
        env["EMR_CONNECT_COMPUTE"] = compute
    _set(env, AWS_PROFILE=command.profile, AWS_DEFAULT_REGION=command.region)
    found = resolve(command.config, env, location)
    if runtime_role or transport != "auto":  # what is asked for here goes before what the attachment has
        _set(env, EMR_CONNECT_COMPUTE=found.compute, EMR_CONNECT_RUNTIME_ROLE=runtime_role or found.runtime_role)
        _set(env, EMR_CONNECT_TRANSPORT=transport if transport != "auto" else found.transport)
        _set(env, AWS_PROFILE=command.profile or found.profile, AWS_DEFAULT_REGION=command.region or found.region)
        resolve(command.config, env, location)
    return env


def _set(env: dict[str, str], **values: str | None) -> None:
    env.update({name: value for name, value in values.items() if value})


def report(command: CommandContext, result: Result, output: Path, kernel: NotebookKernel) -> int:
    """Print how the run ended and return the exit code; a failure is raised, for the one place that prints them."""
    stages = {name: round(seconds, 3) for name, seconds in result.stages.items()}
    if command.as_json:
        error = result.error.to_json() if result.error else None
        body = {
            "output": str(output),
            "kernel": kernel.name,
            "cells": result.cells,
            "executed": result.executed,
            "seconds": round(result.seconds, 3),
            "stages": stages,
            "error": error,
            "stopped_by": result.signum,
        }
        print_json(body)
    if result.signum is not None:
        if not command.as_json:
            click.echo(f"Stopped after {result.executed} of {result.cells} cells; see {output}.", err=True)
        return 128 + result.signum
    if result.error is not None:
        if command.as_json:
            return 1
        raise result.error
    if not command.as_json:
        timings = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in stages.items())
        cells = "1 cell" if result.executed == 1 else f"{result.executed} cells"
        click.echo(f"Ran {cells} in {result.seconds:.1f} s ({timings}).")
        click.echo(f"Written to {output}.")
    return 0
