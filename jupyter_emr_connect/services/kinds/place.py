"""Where a compute is, by its ARN."""

from __future__ import annotations


def place_of(arn: str, region: str) -> tuple[str, str]:
    """Return region and account of an ARN; ``region`` counts where it has none."""
    parts = arn.split(":")
    return (parts[3] or region, parts[4]) if len(parts) > 5 else (region, "")
