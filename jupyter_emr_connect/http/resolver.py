"""Host names to addresses, in threads of their own: a name server that hangs holds up nothing but its own callers."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Mapping
from concurrent.futures import Future
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from ..executors import DNS

AddressInfo = tuple[Any, Any, int, str, Any]
"""An answer of ``socket.getaddrinfo``: family, type, protocol, canonical name, socket address."""

_pending: dict[tuple[str, int, int, int], Future[list[AddressInfo]]] = {}


async def resolve(host: str, port: int = 0, *, family: int = socket.AF_UNSPEC, flags: int = 0) -> list[AddressInfo]:
    """Return what ``socket.getaddrinfo`` says for TCP; raises ``OSError``, and ``RuntimeError`` as the process ends.

    Called on any loop. Those who ask for the same wait for the same call, so that a name that hangs, and is asked for
    again and again, takes one thread.
    """
    key = (host, port, family, flags)
    shared = _pending.get(key)
    if shared is None:
        shared = _pending[key] = DNS.submit(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=flags)
        shared.add_done_callback(lambda done: _pending.pop(key, None))
    answer: Future[list[AddressInfo]] = Future()  # its own, so that who leaves cancels nobody else's

    def pass_on(done: Future[list[AddressInfo]]) -> None:
        if answer.set_running_or_notify_cancel():
            if (error := done.exception()) is not None:
                answer.set_exception(error)
            else:
                answer.set_result(done.result())

    shared.add_done_callback(pass_on)
    return await asyncio.wrap_future(answer)


async def is_loopback(host: str) -> bool:
    """Return whether every address of the host is on this machine; False for a name that is not known."""
    try:
        addresses = await resolve(host)
    except OSError:
        return False
    return all(ipaddress.ip_address(address[0]).is_loopback for *_, address in addresses)


Routes: TypeAlias = Mapping[str, str]
"""Where a host is to be reached in truth: a name or pattern, with a port or without, to ``host:port``."""


def route_of(host: str, port: int, routes: Routes) -> tuple[str, int]:
    """Return where a host and port are reached by the routes, of which the first that fits counts; else themselves."""
    for pattern, target in routes.items():
        name, _, wanted = pattern.rpartition(":") if pattern.rpartition(":")[2].isdigit() else (pattern, "", "")
        if fnmatchcase(host.lower(), name.lower()) and wanted in ("", str(port)):
            to, _, number = target.rpartition(":")
            return to.strip("[]"), int(number)
    return host, port


class RememberingResolver(AbstractResolver):
    """aiohttp's resolver over :func:`resolve`, which falls back on the last known addresses.

    As the process ends Python no longer starts the threads that ask. ``routes`` lead elsewhere, while the name stays
    the one that TLS and signatures are about, as with curl's ``--connect-to``.
    """

    def __init__(self, routes: Routes = MappingProxyType({})) -> None:
        self._routes = routes
        self._known: dict[tuple[str, int], list[ResolveResult]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the host's addresses, those of the last time if they cannot be asked for now."""
        try:
            infos = await resolve(*route_of(host, port, self._routes), family=family, flags=socket.AI_ADDRCONFIG)
        except (OSError, RuntimeError):
            if (host, port) not in self._known:
                raise
        else:
            self._known[host, port] = [
                ResolveResult(
                    hostname=host,
                    host=address[0],
                    port=address[1],
                    family=found_family,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
                for found_family, _, protocol, _, address in infos
            ]
        return self._known[host, port]

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


os.register_at_fork(after_in_child=_pending.clear)
