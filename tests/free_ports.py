"""Ports for kernels and servers that tests start, which nothing else on the machine takes meanwhile."""

from __future__ import annotations

import os
import socket
from itertools import cycle

from jupyter_client.connect import LocalPortCache, port_names

FIRST, BLOCK = 10_000, 200  # below those that Linux gives away (net.ipv4.ip_local_port_range)
WORKERS, RUNS = 6, 18  # of one run of pytest, and runs beside each other


class KernelPorts(LocalPortCache):
    """A block of ports for each process, in place of any free one.

    jupyter_client lets go of a port before the kernel takes it. Beside other tests that bind and connect, another
    kernel may have it by then, and the test hears that one: "Invalid Signature".
    """

    def __init__(self) -> None:
        super().__init__()
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        start = FIRST + BLOCK * (os.getppid() % RUNS * WORKERS + worker % WORKERS)
        self.block = cycle(range(start, start + BLOCK))

    def find_available_port(self, ip: str) -> int:
        """Return the block's next port that is free; called by jupyter_client for each channel of a kernel."""
        for tried, port in enumerate(self.block):
            if port in self.currently_used_ports and tried < BLOCK:  # not every user gives it back
                continue
            with socket.socket() as probe:
                try:
                    probe.bind((ip, port))
                except OSError:
                    continue
            self.currently_used_ports.add(port)
            return port
        raise AssertionError("unreachable: the block is a cycle")


def free_port(ip: str = "127.0.0.1") -> int:
    """Return a port at which nobody listens, nor will while a server of the test's own is starting there."""
    return KernelPorts.instance().find_available_port(ip)


def free_ports(ip: str = "127.0.0.1") -> dict[str, int]:
    """Return such ports for a kernel's channels, as ``write_connection_file`` takes them."""
    return {name: free_port(ip) for name in port_names}
