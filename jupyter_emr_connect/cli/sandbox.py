"""``jupyter emr sandbox``: bring up, inspect and make fail the emulated EMR of this machine."""

from __future__ import annotations

import functools
import shlex
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ..errors import ConfigurationError, SandboxInstallError
from .groups import HintingGroup
from .output import print_json, print_table

HOSTS_FILE = Path("/etc/hosts")


@click.group(cls=HintingGroup)
def sandbox() -> None:
    """An EMR of your own on this machine: real gateway, Livy and Spark, emulated AWS.

    \b
    jupyter emr sandbox up
    eval "$(jupyter emr sandbox env)"
    jupyter emr list
    """  # noqa: D301, D401 - the command's help; \b is click's mark for text that is not to be rewrapped


def sandbox_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json``, ``--name`` and ``--debug`` (which the entry point reads)."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option(
        "--name",
        default="default",
        metavar="NAME",
        show_default=True,
        shell_complete=_complete_names,
        help="Which sandbox.",
    )
    @click.option("--debug", is_flag=True, help="Show Python's traceback when something fails.")
    @functools.wraps(function)
    def command(debug: bool, **options: Any) -> Any:
        return function(**options)

    return command


def _complete_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from ..sandbox.state.folder import running_names

    return [name for name in running_names() if name.startswith(incomplete)]


def _check_installed() -> None:
    """Say how to get the sandbox when only the base package is installed."""
    from ..services.sandbox import missing_modules

    if missing := missing_modules():
        message = f"The sandbox needs packages that are not installed: {', '.join(missing)}."
        raise SandboxInstallError(message, fix="Run `pip install 'jupyter_emr_connect[sandbox]'`.")


def _key_value(text: str) -> tuple[str, str]:
    """Return what ``--option KEY=VALUE`` of ``sandbox fault`` means; raises ConfigurationError."""
    key, separator, value = text.partition("=")
    if not separator or key not in ("service", "region", "action"):
        message = f"{text!r} is not service=, region= or action=."
        raise ConfigurationError(message, fix="For example: --option service=elasticmapreduce.")
    return key, value


def _moment(text: str) -> float:
    """Return the moment that ``sandbox log --since`` means, in seconds since the epoch; raises ConfigurationError."""
    try:
        if text.endswith("s"):
            return time.time() - float(text[:-1])
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        message = f"{text!r} is not a time."
        raise ConfigurationError(message, fix="Write 30s, 2026-01-31T12:00:00 or seconds since 1970.") from None


@sandbox.command()
@sandbox_options
@click.option("--livy-home", type=click.Path(path_type=Path), metavar="DIR", help="A full Apache Livy to use instead.")
@click.option(
    "--gateway-version",
    type=click.Choice(["3.3.0", "2.6.0"]),
    default="3.3.0",
    show_default=True,
    help="Of Jupyter Enterprise Gateway.",
)
@click.option(
    "--pair-lifetime",
    type=click.FloatRange(min=1),
    default=900.0,
    metavar="SECONDS",
    help="How long a cluster's user name and password are good for.",
)
@click.option("--foreground", is_flag=True, help="Stay attached until Ctrl-C or `sandbox down`.")
def up(
    as_json: bool,
    name: str,
    livy_home: Path | None,
    gateway_version: str,
    pair_lifetime: float,
    foreground: bool,
) -> None:
    """Install what is missing and start.

    Returns once every engine answers; the sandbox goes on in the background.

    The gateways and Livy servers of the clusters `analytics` and `open` are started now and at the same time, and again
    at the next use after they have died; Spark sessions start with the first cell.
    """
    _check_installed()
    from ..sandbox.engines.install import ensure_installed
    from ..sandbox.frontdoor.peers import UNTOLD, tells_users
    from ..sandbox.state.folder import StateFolder
    from ..sandbox.supervisor import control_client
    from ..sandbox.supervisor.start import run_in_foreground, start_in_background
    from ..sandbox.supervisor.supervisor import Options
    from .progress import stages

    if StateFolder.of(name).is_running():
        click.echo(f"The sandbox {name!r} is already running.", err=True)
        _show_status(control_client.status(name), as_json)
        return
    if not tells_users():
        click.echo(UNTOLD, err=True)
    options = Options(name, gateway_version, livy_home.absolute() if livy_home else None, pair_lifetime)
    with stages() as progress:
        ensure_installed(progress, livy_home=options.livy_home, gateways=[gateway_version])
        begun = time.monotonic()
        if foreground:
            run_in_foreground(options, lambda stage: progress(stage, 0, 0))
            return
        start_in_background(options, lambda stage: progress(stage, 0, 0))
    click.echo(f"The sandbox {name!r} is up after {time.monotonic() - begun:.1f} s.", err=True)
    _show_status(control_client.status(name), as_json)


@sandbox.command()
@sandbox_options
def down(as_json: bool, name: str) -> None:
    """End the sandbox and every process of it."""
    _check_installed()
    from ..sandbox.supervisor.start import stop

    stop(name)
    if as_json:
        print_json({"name": name, "running": False})
    else:
        click.echo(f"The sandbox {name!r} is down.", err=True)


@sandbox.command()
@sandbox_options
def status(as_json: bool, name: str) -> None:
    """Show the clusters, roles, profiles and engines."""
    _check_installed()
    from ..sandbox.supervisor import control_client

    _show_status(control_client.status(name), as_json)


def _show_status(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    option = "" if found["name"] == "default" else f" --name {found['name']}"
    rows = [
        [row["id"], row["name"], row["state"], row["gateway_url"] or "-", row["livy_url"] or "-", row["reason"] or ""]
        for row in found["computes"][:25]
    ]
    print_table(["ID", "NAME", "STATE", "GATEWAY", "LIVY", "WHY NOT"], rows, ["LIVY"])
    if len(found["computes"]) > len(rows):
        click.echo(f"… and {len(found['computes']) - len(rows)} more.")
    engines = ", ".join(f"{engine} {version}" for engine, version in found["engines"].items())
    click.echo(f"\nAWS       {found['endpoint_url']} ({found['region']}, account {found['account']})")
    click.echo(f"Profiles  {', '.join(found['profiles'])}")
    click.echo(f"Engines   {engines}; {found['rss_mb']:.0f} MB in memory")
    click.echo(f'Next      eval "$(jupyter emr sandbox env{option})"')


@sandbox.command()
@sandbox_options
@click.option("--keys", is_flag=True, help="Also AWS_ACCESS_KEY_ID and its secret, for tools without profiles.")
@click.option("--real-names", is_flag=True, help="For clients that take AWS's own host names: a CA and no endpoint.")
def env(as_json: bool, name: str, keys: bool, real_names: bool) -> None:
    """Print what leads a shell here.

    Use it as eval "$(jupyter emr sandbox env)".

    With --real-names no endpoint is set: AWS's host names must lead here then, by the lines of `sandbox hosts` in
    /etc/hosts. For clients that build those names themselves.

    The keys of the profiles are in the file that AWS_SHARED_CREDENTIALS_FILE names; it is removed by `sandbox down`.
    Only with --keys do they stand in the environment too, where every program started from it can read them.
    """
    _check_installed()
    from ..sandbox.state.client_files import UNSET, in_front_of_mine, keys_of, missing_hosts, with_real_names
    from ..sandbox.supervisor import control_client

    found = control_client.environment(name)
    if real_names:
        hosts = control_client.hosts(name)
        found = with_real_names(found, hosts["ca_file"])
        if missing_hosts(hosts["lines"], HOSTS_FILE):
            option = "" if name == "default" else f" --name {name}"
            click.echo(f"{HOSTS_FILE} does not lead AWS's host names here yet. Run as root:", err=True)
            click.echo(f"  jupyter emr sandbox hosts{option} >> {HOSTS_FILE}", err=True)
    found = in_front_of_mine(found) | (keys_of(found) if keys else {})
    if as_json:
        print_json(found)
        return
    click.echo(f"unset {' '.join((*UNSET, 'AWS_ENDPOINT_URL') if real_names else UNSET)}")
    for variable, value in found.items():
        click.echo(f"export {variable}={shlex.quote(value)}")


@sandbox.command()
@click.argument("fault", required=False, metavar="[NAME]")
@sandbox_options
@click.option(
    "--rate", type=click.FloatRange(0, 1), default=1.0, metavar="SHARE", help="The share of requests that it strikes."
)
@click.option("--for", "seconds", type=click.FloatRange(min=0), metavar="SECONDS", help="Ends by itself.")
@click.option("--compute", metavar="ID", help="Only this compute (id or name).")
@click.option("--service", metavar="NAME", help="Only this service of AWS: elasticmapreduce, emr-containers, sts, …")
@click.option("--region", metavar="NAME", help="Only calls to AWS in this region.")
@click.option("--off", is_flag=True, help="Switch it off; without NAME, all of them.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="service=, region= or action= of AWS.")
def fault(
    as_json: bool,
    name: str,
    fault: str | None,
    rate: float,
    seconds: float | None,
    compute: str | None,
    service: str | None,
    region: str | None,
    off: bool,
    options: tuple[str, ...],
) -> None:
    """Make something fail; without NAME, list what can.

    It lasts until --off, or for a time with --for. Without NAME, also what is on is listed.
    """
    _check_installed()
    from ..sandbox.supervisor import control_client

    narrowed = dict(_key_value(option) for option in options)
    narrowed |= {key: value for key, value in (("service", service), ("region", region)) if value}
    found = control_client.switch_fault(
        name, fault, rate=rate, seconds=seconds, compute=compute, off=off, options=narrowed
    )
    if as_json:
        print_json(found)
        return
    from ..sandbox.supervisor.fault_switches import LASTING, ONCE

    if not fault and not off:
        print_table(["FAULT", "WHAT HAPPENS"], [[key, text] for key, text in {**LASTING, **ONCE}.items()])
    if fault in ONCE:
        click.echo(f"{fault}: {found['hit']}", err=True)
    for row in found["active"]:
        limits = [f"rate {row['rate']:g}" if row["rate"] < 1 else "", f"on {row['compute']}" if row["compute"] else ""]
        limits += [f"{key} {value}" for key, value in row["options"].items()]
        click.echo(f"On: {row['name']} {' '.join(limit for limit in limits if limit)}".rstrip(), err=True)


@sandbox.command()
@sandbox_options
@click.option("--clusters", type=click.IntRange(min=0), default=0, metavar="N", help="EMR on EC2 clusters.")
@click.option("--applications", type=click.IntRange(min=0), default=0, metavar="N", help="Serverless applications.")
@click.option("--endpoints", type=click.IntRange(min=0), default=0, metavar="N", help="EMR on EKS endpoints.")
@click.option("--regions", default="", metavar="R1,R2,…", help="Spread over these; else the sandbox's own.")
def seed(as_json: bool, name: str, clusters: int, applications: int, endpoints: int, regions: str) -> None:
    """Add computes that exist on paper only.

    They are listed and described, but nothing runs there.
    """
    _check_installed()
    from ..sandbox.supervisor import control_client

    wanted = [region for region in regions.split(",") if region]
    found = control_client.seed(name, clusters=clusters, applications=applications, endpoints=endpoints, regions=wanted)
    if as_json:
        print_json(found)
    else:
        click.echo(f"Added {', '.join(f'{number} {kind}' for kind, number in found.items())}.", err=True)


@sandbox.command()
@sandbox_options
@click.option("--since", metavar="T", help="Seconds ago (30s), a time (2026-01-31T12:00:00), or seconds since 1970.")
def log(as_json: bool, name: str, since: str | None) -> None:
    """Show what the AWS front answered.

    One line a call: time, service, action, principal, status, bytes.
    """
    _check_installed()
    from ..sandbox.supervisor import control_client

    rows = control_client.log_rows(name, _moment(since) if since else 0.0)
    if as_json:
        print_json(rows)
        return
    columns = ("time", "service", "action", "principal", "status", "bytes")
    shown = [
        [datetime.fromtimestamp(row["time"]).strftime("%H:%M:%S.%f")[:12], *(str(row[name]) for name in columns[1:])]
        for row in rows
    ]
    print_table([column.upper() for column in columns], shown)


@sandbox.command()
@sandbox_options
def hosts(as_json: bool, name: str) -> None:
    """Print lines for /etc/hosts that lead AWS here.

    AWS's real host names then lead to the sandbox; the CA file that is named makes its certificates trusted.
    """
    _check_installed()
    from ..sandbox.supervisor import control_client

    found = control_client.hosts(name)
    if as_json:
        print_json(found)
        return
    click.echo(f"# Trust the sandbox's CA while these lines stand: AWS_CA_BUNDLE={found['ca_file']}")
    for line in found["lines"]:
        click.echo(line)
