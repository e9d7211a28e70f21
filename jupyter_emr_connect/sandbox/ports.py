"""Who holds a port, and which loopback subnet a sandbox gets."""

from __future__ import annotations

import socket

import psutil

from .world.eks import standard_endpoints
from .world.livy_only import livy_clusters, livy_endpoints
from .world.world import ACCOUNT, REGION, standard_clusters

DOOR_PORTS = (18888, 8998)
AWS_PORT = 4566
# The subnet of the sandbox named "default", and those for all others.
DEFAULT_SUBNET = 10
OTHER_SUBNETS = range(11, 100)


def who_listens(address: str, port: int) -> str:
    """Return ``name (process N)`` of the process that listens there, or an empty string when it cannot be told."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return ""
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.pid or not connection.laddr:
            continue
        if connection.laddr.port == port and connection.laddr.ip in (address, "0.0.0.0", "::"):
            try:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
            except psutil.Error:
                return f"process {connection.pid}"
    return ""


class Subnet:
    """A subnet ``127.0.<number>.x`` that this process has claimed, by a datagram socket nobody else can bind.

    The system frees the claim with the process. Two sandboxes that start at once can so never choose the same one.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._claim.bind((self.address, AWS_PORT))
        except OSError:
            self._claim.close()
            raise

    @property
    def address(self) -> str:
        """The address of the AWS front."""
        return f"127.0.{self.number}.1"

    def release(self) -> None:
        """Give the subnet back."""
        self._claim.close()


def claim_subnet(numbers: range) -> Subnet | None:
    """Claim the first of these subnets that nobody has and on whose addresses nobody listens; None without any."""
    for number in numbers:
        try:
            subnet = Subnet(number)
        except OSError:
            continue
        wanted = [(subnet.address, AWS_PORT), *((spec, port) for spec in _addresses(number) for port in DOOR_PORTS)]
        if all(is_free(address, port) for address, port in wanted):
            return subnet
        subnet.release()
    return None


def is_free(address: str, port: int) -> bool:
    """Tell whether the port can be listened on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _addresses(number: int) -> list[str]:
    specs = [*standard_clusters(str(number)), *livy_clusters(str(number))]
    clusters = [spec.address for spec in specs if spec.engines]
    endpoints = [make(str(number), ACCOUNT, REGION) for make in (standard_endpoints, livy_endpoints)]
    return clusters + [spec.address for specs in endpoints for spec in specs if spec.engines]
