"""The options that commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from .completion import complete_profiles, complete_regions, complete_roles
from .context import CommandContext

Function = TypeVar("Function", bound=Callable[..., Any])


def require_non_empty(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty value: an unset shell variable must not quietly choose another compute, role or caller."""
    if value is not None and not value.strip():
        message = "it is empty."
        raise click.BadParameter(message)
    return value


def role_and_transport(function: Function) -> Function:
    """Add ``--runtime-role`` and ``--transport``."""
    role = click.option(
        "--runtime-role",
        metavar="ROLE",
        callback=require_non_empty,
        shell_complete=complete_roles,
        help="Role that Spark runs as: an ARN or a name.",
    )
    choice = click.Choice(["auto", "gateway", "livy", "spark-connect"])
    transport = click.option("--transport", type=choice, default="auto", show_default=True, help="Way in.")
    return role(transport(function))


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``, ``--profile``, ``--region`` and ``--debug``; the command gets a :class:`CommandContext` first."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option(
        "--profile", metavar="NAME", callback=require_non_empty, shell_complete=complete_profiles, help="AWS profile."
    )
    @click.option(
        "--region", metavar="REGION", callback=require_non_empty, shell_complete=complete_regions, help="AWS region."
    )
    @click.option("--debug", is_flag=True, help="Show Python's traceback when something fails.")
    @functools.wraps(function)
    def command(as_json: bool, profile: str | None, region: str | None, debug: bool, **rest: Any) -> Any:
        return function(CommandContext(as_json, profile, region), **rest)

    return command


def local_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` and ``--debug``, for a command that asks AWS nothing in the name of a profile of its own.

    ``--profile`` and ``--region`` are taken, as scripts may give them to every command, and said to be without effect.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--profile", hidden=True, callback=_without_effect, expose_value=False)
    @click.option("--region", hidden=True, callback=_without_effect, expose_value=False)
    @click.option("--debug", is_flag=True, help="Show Python's traceback when something fails.")
    @functools.wraps(function)
    def command(as_json: bool, debug: bool, **rest: Any) -> Any:
        return function(CommandContext(as_json, None, None), **rest)

    return command


def _without_effect(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        name = f"{context.command_path} {parameter.opts[0]}"
        click.echo(f"{name} has no effect: what is attached or runs keeps its own profile and region.", err=True)
