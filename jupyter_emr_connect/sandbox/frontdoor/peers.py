"""Whose process is at the other end of a connection: a sandbox runs code as its owner, for its owner alone.

Loopback keeps other machines out and no other user of this one. Linux tells the user of each end of a connection in
``/proc/net/tcp`` (proc(5)); elsewhere nobody is refused, which ``sandbox up`` says.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from weakref import WeakSet

from aiohttp import web

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
MAPPED = "0000000000000000FFFF0000"  # ::ffff:0:0/96, IPv4 by a socket of IPv6, as the kernel writes it
NOT_YOURS = "This sandbox runs code as another user of this machine, and answers that user's processes alone."
UNTOLD = (
    "Note: this system does not tell whose a connection is. Until `jupyter emr sandbox down`, every user of this "
    "machine can run code as you through the sandbox's computes."
)
Address = tuple[str, int]


class Peers:
    """Refuses what comes from other users' processes; one for each door, on its loop. ``owner`` is a user id."""

    def __init__(self, owner: int | None = None) -> None:
        self._owner = os.geteuid() if owner is None else owner
        self._works = tells_users()
        self._trusted: WeakSet[object] = WeakSet()

    def refusal(self, request: web.BaseRequest) -> web.Response | None:
        """Return what to answer another user's process with, None for the owner's; looked at once a connection."""
        transport = request.transport
        if not self._works or transport is None or transport in self._trusted:
            return None
        peer, here = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if user_of(peer[:2], here[:2]) == self._owner:
            self._trusted.add(transport)
            return None
        return web.json_response({"reason": "Forbidden", "message": NOT_YOURS, "msg": NOT_YOURS}, status=403)


def tells_users() -> bool:
    """Say whether this system tells whose a connection is, by one that is made to try it."""
    if not sys.platform.startswith("linux"):
        return False
    with socket.socket() as listening, socket.socket() as client:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        client.connect(listening.getsockname())
        return user_of(client.getsockname(), listening.getsockname()) == os.geteuid()


def user_of(peer: Address, here: Address) -> int | None:
    """Return the user id of the process whose socket is ``peer``, of a connection with ``here``; None if not told."""
    for table in TABLES:
        try:
            with table.open(encoding="ascii") as lines:
                found = find_user(lines, peer, here)
        except OSError:
            continue
        if found is not None:
            return found
    return None


def find_user(lines: Iterable[str], peer: Address, here: Address) -> int | None:
    """Look for a connection in a table of the system's.

    A socket that no process has any more is shown as root's, without an inode: it tells nothing.
    """
    ends = [(f"{prefix}{_written(peer)}", f"{prefix}{_written(here)}") for prefix in ("", MAPPED)]
    for line in lines:
        fields = line.split()
        if len(fields) > 9 and (fields[1], fields[2]) in ends and fields[9] != "0":
            return int(fields[7])
    return None


def _written(address: Address) -> str:
    """Return an IPv4 address and port as the kernel writes them: the address in the machine's own order of bytes."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"
