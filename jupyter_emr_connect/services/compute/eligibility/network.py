"""Is the address of a compute within reach from here? Answered from names and routes, without sending it a packet.

A name that only a VPC's resolver knows, or a private address while this host has no private address, cannot be reached.
All else is left open: an attach proves it by connecting.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from urllib.parse import urlsplit

from ....executors import DaemonExecutor

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
# One address of each, to ask the routing table from which of ours it would be reached.
SAMPLES = tuple(str(network[1]) for network in PRIVATE)
# The names that EC2 gives to private addresses (us-east-1's, and all others').
PRIVATE_NAMES = (".ec2.internal", ".compute.internal")
WAY_OUT = "Use a VPN into its VPC, or run Jupyter inside that VPC."
KEPT_S = 300.0
DEADLINE_S = 2.0
MOST_KEPT = 4096
MOST_AT_ONCE = 8


@dataclass(frozen=True)
class NetworkReach:
    """``ok`` is True where a compute is surely in reach, False where it surely is not, None where only trying tells."""

    ok: bool | None
    reason: str | None = None

    @property
    def obstacle(self) -> str | None:
        """The sentence for the user where it is surely out of reach, else None."""
        return (self.reason or "It cannot be reached from here.") if self.ok is False else None


UNKNOWN = NetworkReach(None)


def is_private(address: str) -> bool:
    """Tell whether an IP address or a host name is one that only a private network knows."""
    try:
        return _in_private_range(ipaddress.ip_address(address))
    except ValueError:
        return address.rstrip(".").lower().endswith(PRIVATE_NAMES)


def _in_private_range(address: Address) -> bool:
    return any(address in network for network in PRIVATE if address.version == network.version)


def decide(host: str, addresses: Iterable[str] | None, sources: Callable[[Iterable[str]], list[str]]) -> NetworkReach:
    """Decide by the addresses of ``host``: None when its name is surely not known here.

    ``sources`` answers from which addresses of this host those given would be reached (none where there is no route).
    """
    if addresses is None:
        where = "it lies in a private subnet. " if is_private(host) else "no such name is known. "
        return NetworkReach(False, f"Its address {host} cannot be resolved from here: {where}{WAY_OUT}")
    found = [ipaddress.ip_address(one.partition("%")[0]) for one in addresses]
    if any(one.is_loopback for one in found):
        return NetworkReach(True)
    if not found:
        return UNKNOWN
    if not sources([str(one) for one in found]):
        return NetworkReach(False, f"This host has no route to its address {_shown(host, found)}. {WAY_OUT}")
    if not all(_in_private_range(one) for one in found):
        return UNKNOWN
    ours = [ipaddress.ip_address(one.partition("%")[0]) for one in sources([*map(str, found), *SAMPLES])]
    if any(_in_private_range(one) for one in ours):
        return UNKNOWN
    return NetworkReach(
        False,
        f"Its address {_shown(host, found)} is private, and this host is in no private network. {WAY_OUT}",
    )


def _shown(host: str, addresses: list[Address]) -> str:
    first = str(addresses[0])
    return host if host == first else f"{host} ({first})"


def resolve(host: str) -> list[str] | None:
    """Return the addresses of a name, None when the resolver says that there is none; raises ``OSError`` otherwise.

    Blocks for as long as the system's resolver does.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except UnicodeError:  # not a host name at all, such as one with a label of 64 characters
        return None
    except socket.gaierror as error:
        # What glibc and macOS say for a name that does not exist, or exists without an address.
        if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
            return None
        raise
    return [str(address[0]) for *_, address in found]


def own_sources(addresses: Iterable[str], port: int = 9) -> list[str]:
    """Return the addresses of this host from which the kernel would reach the IP addresses given.

    Connecting a UDP socket sends nothing: the kernel looks the route up and picks the source; any ``port`` will do.
    """
    found: list[str] = []
    for one in addresses:
        family = socket.AF_INET6 if ":" in one else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((one, port))
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue
    return found


class Reachability:
    """Looks addresses up, each once in five minutes, a few at a time, and never waits long. Safe from any thread."""

    def __init__(
        self,
        *,
        resolver: Callable[[str], list[str] | None] = resolve,
        sources: Callable[[Iterable[str]], list[str]] = own_sources,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver, self._sources, self._clock = resolver, sources, clock
        self._kept: dict[str, tuple[float, NetworkReach]] = {}
        self._pending: dict[str, Future[NetworkReach]] = {}
        self._threads = DaemonExecutor(MOST_AT_ONCE, "emr-resolve")
        self._lock = threading.Lock()

    def look(self, address: str | None, *, wait: float = DEADLINE_S) -> NetworkReach:
        """Return what is known of the way to a host name, an IP address or an URL; blocks for ``wait`` seconds at most.

        Called in a thread, for computes that are described or looked at only; a list passes ``wait=0`` and sees the
        answer when it is made anew. A name that takes longer to resolve is ``UNKNOWN`` now.
        """
        host = host_of(address)
        if not host:
            return UNKNOWN
        with self._lock:
            until, reach = self._kept.get(host, (0.0, UNKNOWN))
            if self._clock() < until:
                return reach
            pending = self._pending.get(host)
            if pending is None and not _is_address(host):
                pending = self._pending[host] = self._threads.submit(self._answer, host)
        if pending is None:
            return self._answer(host)
        try:
            return pending.result(wait)
        except TooLate:
            return UNKNOWN

    def _answer(self, host: str) -> NetworkReach:
        """Find out and keep the answer; a name is resolved in a thread of :attr:`_threads`, an address at once."""
        reach = UNKNOWN
        try:
            reach = decide(host, [host] if _is_address(host) else self._resolver(host), self._sources)
        except (OSError, ValueError):
            pass  # the resolver failed, or said what is no address: not known
        finally:
            with self._lock:
                while len(self._kept) >= MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[host] = (self._clock() + KEPT_S, reach)
                self._pending.pop(host, None)
        return reach


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def host_of(address: str | None) -> str:
    """Return the host of a name, an address or an URL, in lower case; empty where there is none."""
    text = (address or "").strip()
    if "//" not in text:
        text = f"//[{text}]" if text.count(":") > 1 and not text.startswith("[") else f"//{text}"
    try:
        return (urlsplit(text).hostname or "").rstrip(".")
    except ValueError:
        return ""


_here = Reachability()


def reach_of(address: str | None, *, wait: float = DEADLINE_S) -> NetworkReach:
    """Return :meth:`Reachability.look`'s answer with the answers that this whole process shares."""
    return _here.look(address, wait=wait)
