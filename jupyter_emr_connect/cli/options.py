"""The options that commands share, and what they make of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..aws.session import AWSSession
    from ..config import EMRConnect
    from ..services.compute.sources import Source

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class CommandContext:
    """How one command was called: ``--json``, ``--profile`` and ``--region``."""

    as_json: bool
    profile: str | None
    region: str | None

    @functools.cached_property
    def config(self) -> EMRConnect:
        """The settings from Jupyter's configuration files."""
        from ..config import EMRConnect, load_config

        return EMRConnect(config=load_config())

    def sources(self) -> list[Source]:
        """Return where to look for computes; ``--profile`` and ``--region`` take several names, parted by commas."""
        from ..services.compute.sources import list_sources

        return list_sources(self.config, split_commas(self.profile), split_commas(self.region))

    def session(self) -> AWSSession:
        """Return the AWS session for the profile and region asked for."""
        from ..services.credentials.aws_sessions import session_for

        return session_for(self.config, self.profile, self.region)


def split_commas(text: str | None) -> list[str]:
    """Return the names of an option that takes several, parted by commas."""
    return [one.strip() for one in (text or "").split(",") if one.strip()]


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
        metavar="ARN",
        callback=require_non_empty,
        shell_complete=complete_roles,
        help="Role that Spark runs as.",
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


def complete_profiles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the names of AWS profiles."""
    from .completion import profiles

    return profiles(incomplete)


def complete_regions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the names of AWS regions."""
    from .completion import regions

    return regions(incomplete)


def complete_computes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete ids and names of computes."""
    from .completion import computes

    return computes(context, incomplete)


def complete_roles(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the ARNs of runtime roles."""
    from .completion import roles

    return roles(incomplete)


def complete_kernels(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Complete the ids of gateway kernels."""
    from .completion import kernels

    return kernels(incomplete)
