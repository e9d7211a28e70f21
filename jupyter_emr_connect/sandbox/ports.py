"""Who holds a port, and which loopback subnet is free."""

from __future__ import annotations

import socket

import psutil

from .world import standard_clusters

DOOR_PORTS = (18888, 8998)
FIRST_SUBNET, LAST_SUBNET = 10, 99


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


def free_subnet(first: int = FIRST_SUBNET + 1) -> str | None:
    """Return the third byte of the first 127.0.x subnet whose cluster addresses nobody listens on."""
    for number in range(first, LAST_SUBNET + 1):
        if all(is_free(address, port) for address in _addresses(str(number)) for port in DOOR_PORTS):
            return str(number)
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


def _addresses(subnet: str) -> list[str]:
    return [spec.address for spec in standard_clusters(subnet) if spec.engines]
