"""``jupyter emr kernels``."""

from __future__ import annotations

import asyncio

import click

from .options import Face, common_options
from .output import print_json, print_table


@click.command()
@click.option("--check/--no-check", default=True, help="Ask the gateways whether the kernels live (the default).")
@common_options
def kernels(face: Face, check: bool) -> None:
    """List the gateway kernels that were started from here."""
    from ..services.kernels import list_kernels

    records = asyncio.run(list_kernels(face.config, check=check))
    if face.as_json:
        print_json([record.to_json() for record in records])
    elif records:
        rows = [
            (one.kernel_id, one.kernelspec, one.compute, one.runtime_role or "-", one.state, one.path or "-")
            for one in records
        ]
        print_table(("KERNEL", "KERNELSPEC", "COMPUTE", "RUNTIME ROLE", "STATE", "NOTEBOOK"), rows)
    else:
        click.echo("No gateway kernels.", err=True)
