"""What a gateway is asked for with a kernel: its environment, and how long its start may take."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import EMRConnect
from ..models import Kind

ENDPOINT_LAUNCH_SECONDS = 400.0
# What the gateway's kernel may be told from our side; KERNEL_USERNAME comes from the runtime role (reference 1.9).
OURS = frozenset({"KERNEL_ID", "KERNEL_LAUNCH_TIMEOUT", "KERNEL_USERNAME"})


def gateway_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return what of the environment goes to the gateway: ``KERNEL_*``, all that it keeps (reference 5.4)."""
    return {name: value for name, value in env.items() if name.startswith("KERNEL_") and name not in OURS}


def launch_timeout(env: Mapping[str, str], config: EMRConnect, kind: Kind) -> float:
    """Return how long the gateway may take to start the kernel, in seconds.

    On EKS the kernel is a pod for which a node may first have to come up: AWS says 400 s there (reference 2.4).
    """
    asked = env.get("KERNEL_LAUNCH_TIMEOUT", "")
    if asked.isdigit():
        return float(asked)
    return max(config.launch_timeout, ENDPOINT_LAUNCH_SECONDS) if kind == "eks" else config.launch_timeout
