"""``jupyter emr sandbox``: bring up, inspect and disturb the emulated EMR of this machine."""

from __future__ import annotations

import click


@click.group()
def sandbox() -> None:
    """An EMR of your own on this machine: real gateway, Livy and Spark, emulated AWS."""
