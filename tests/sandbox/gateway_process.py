"""The gateways' own processes, to hold one up for a while as an overloaded machine would."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil

from tests.conftest import Sandbox


def gateways_of(sandbox: Sandbox, address: str) -> list[int]:
    """Return the pids of the gateways that listen on a cluster's address."""
    folder = f"{sandbox.env['JUPYTER_RUNTIME_DIR']}/emr-connect/sandbox/{sandbox.name}/engines"
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(word.endswith("gateway_launcher.py") for word in words) and "guard.py" not in " ".join(words):
            try:
                listens = [one.laddr.ip for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN]
                if address in listens and process.cwd().startswith(folder):
                    found.append(process.pid)
            except psutil.Error:
                continue
    return found


def held_up(sandbox: Sandbox, compute: str) -> contextlib.AbstractContextManager[None]:
    """Return what stops the gateway's process for a block; what it is sent waits.

    The process is looked for by this call already: that takes a loaded machine seconds.
    """
    (gateway,) = gateways_of(sandbox, str(urlsplit(sandbox.compute(compute)["gateway_url"]).hostname))
    return _stopped(gateway)


@contextlib.contextmanager
def _stopped(gateway: int) -> Iterator[None]:
    os.kill(gateway, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(gateway, signal.SIGCONT)
