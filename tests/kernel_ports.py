"""Ports for kernels that tests start in their own process, which nothing else on the machine takes meanwhile."""

from __future__ import annotations

import os
import socket
from itertools import cycle

from jupyter_client.connect import LocalPortCache

FIRST, LAST, BLOCK = 10_000, 32_000, 200  # below those that Linux gives away (net.ipv4.ip_local_port_range)


class KernelPorts(LocalPortCache):
    """A block of ports for each process, in place of any free one.

    jupyter_client lets go of a port before the kernel takes it. Beside other tests that bind and connect, another
    kernel may have it by then, and the test hears that one: "Invalid Signature".
    """

    def __init__(self) -> None:
        super().__init__()
        start = FIRST + os.getpid() * BLOCK % (LAST - FIRST)
        self.block = cycle(range(start, start + BLOCK))

    def find_available_port(self, ip: str) -> int:
        """Return the block's next port that is free; called by jupyter_client for each channel of a kernel."""
        for port in self.block:
            with socket.socket() as probe:
                try:
                    probe.bind((ip, port))
                except OSError:
                    continue
            if port not in self.currently_used_ports:
                self.currently_used_ports.add(port)
                return port
        raise AssertionError("unreachable: the block is a cycle")
