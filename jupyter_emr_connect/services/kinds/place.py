"""Where a compute is."""

from __future__ import annotations

from typing import Literal

Depth = Literal["list", "attach", "view"]
"""For what a compute is described: each takes more calls than the one before."""


def place_of(arn: str, region: str) -> tuple[str, str]:
    """Return region and account of an ARN; ``region`` counts where it has none."""
    parts = arn.split(":")
    return (parts[3] or region, parts[4]) if len(parts) > 5 else (region, "")


def named(**parts: str | None) -> dict[str, str]:
    """Return those parts of a network's description that are known."""
    return {name: value for name, value in parts.items() if value}
