"""A kernel of ours as a process of its own, on the ports of a connection file: for front ends without provisioners.

SIGINT interrupts what runs. The kernel is deleted on its compute when the process is asked to end (SIGTERM, SIGHUP, a
``shutdown_request``), and when the process that ``JPY_PARENT_PID`` names has ended, as ipykernel does. Which compute it
is on is settled as for all kernels (``services.attachments.resolution``), by the environment and the current directory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel

from ..errors import ConfigurationError, EMRConnectError
from .provisioner import EMRProvisioner

PARENT_VARIABLE = "JPY_PARENT_PID"
PARENT_CHECK_EVERY_S = 1.0
END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str]) -> int:
    """Serve one kernel until its end, and return the exit code; a failure is a line or two on stderr."""
    parser = argparse.ArgumentParser(prog="python -m jupyter_emr_connect.kernel", description=__doc__)
    parser.add_argument("-f", "--f", "--connection-file", dest="file", required=True, help="Jupyter connection file")
    parser.add_argument("--kernel", default="emr-pyspark", help="the kernelspec to be: emr-pyspark, emr-python, ...")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a kernel that is not there yet has nothing to interrupt
    options, _ = parser.parse_known_args(arguments)  # front ends may add what only ipykernel knows
    try:
        address = read_connection_file(Path(options.file))
        return asyncio.run(serve(provisioner_of(options.kernel), address))
    except (EMRConnectError, zmq.ZMQError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def read_connection_file(path: Path) -> KernelConnectionInfo:
    """Return the address in a connection file; raises ``ConfigurationError`` for one that cannot be served."""
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        address: KernelConnectionInfo = {  # a name for a type alone in jupyter_client 8.0
            "transport": str(values.get("transport") or "tcp"),
            "ip": str(values.get("ip") or "127.0.0.1"),
            "key": str(values.get("key") or ""),
            "signature_scheme": str(values.get("signature_scheme") or "hmac-sha256"),
            "shell_port": int(values["shell_port"]),
            "iopub_port": int(values["iopub_port"]),
            "stdin_port": int(values["stdin_port"]),
            "control_port": int(values["control_port"]),
            "hb_port": int(values["hb_port"]),
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"{str(path)!r} is no connection file of Jupyter ({type(error).__name__}: {error})."
        fix = "Start this kernel from a Jupyter front end, which writes that file."
        raise ConfigurationError(message, fix=fix) from None
    if address["transport"] != "tcp":
        message = f"This kernel cannot be served by the transport {address['transport']!r}."
        raise ConfigurationError(message, fix="Let the front end use the transport 'tcp'.")
    return address


def provisioner_of(name: str) -> EMRProvisioner:
    """Return the provisioner of one of our kernelspecs; raises ``ConfigurationError`` when it is none."""
    try:
        spec: KernelSpec = KernelSpecManager().get_kernel_spec(name)
        settings = spec.metadata["kernel_provisioner"]
    except (NoSuchKernel, KeyError):
        settings = {}
    if settings.get("provisioner_name") != "emr-connect":
        message = f"There is no kernelspec {name!r} of jupyter_emr_connect."
        raise ConfigurationError(message, fix="`jupyter kernelspec list` shows those there are.")
    return EMRProvisioner(kernel_id=str(uuid.uuid4()), kernel_spec=spec, parent=None, **settings.get("config", {}))


async def serve(provisioner: EMRProvisioner, address: KernelConnectionInfo) -> int:
    """Run the kernel until it, or this process, is asked to end; afterwards it is deleted. Returns the exit code.

    Raises ``EMRConnectError`` when the kernel does not start, and ``zmq.ZMQError`` when a port is taken.
    """
    loop = asyncio.get_running_loop()
    life = asyncio.ensure_future(_live(provisioner, address))
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        life.cancel()
        for signum in END_SIGNALS:  # once more ends the process at once; the ledger has the kernel
            loop.remove_signal_handler(signum)

    for signum in END_SIGNALS:
        loop.add_signal_handler(signum, stop)
    watching = asyncio.ensure_future(_watch_parent(stop))
    try:
        code = await life
    except asyncio.CancelledError:
        if not stopped:
            raise
        code = 0
    finally:
        watching.cancel()
        await provisioner.cleanup()
    return code


async def _live(provisioner: EMRProvisioner, address: KernelConnectionInfo) -> int:
    """Start the kernel, wait for its end and return its exit code; interrupts reach it once it is there."""
    loop = asyncio.get_running_loop()
    interrupts: set[asyncio.Task[None]] = set()

    def interrupt() -> None:
        if provisioner.has_process:
            interrupts.add(task := loop.create_task(provisioner.send_signal(signal.SIGINT)))
            task.add_done_callback(interrupts.discard)

    loop.add_signal_handler(signal.SIGINT, interrupt)
    await provisioner.load_provisioner_info({"kernel_id": provisioner.kernel_id, "connection_info": address})
    # JPY_SESSION_NAME beside it names this kernel's notebook, not one whose cell has started this process.
    env = {name: value for name, value in os.environ.items() if name != PARENT_VARIABLE}
    launch = await provisioner.pre_launch(env=env, cwd=str(Path.cwd()))
    await provisioner.launch_kernel(launch.pop("cmd"), **launch)
    code = await provisioner.wait() or 0
    if code:
        sys.stderr.write(f"The kernel is gone: {provisioner.reason}\n")
    return code


async def _watch_parent(stop: Callable[[], None]) -> None:
    """Call ``stop`` when the front end that said it is our parent has ended: nobody else would end the kernel then."""
    parent = os.getppid()
    if not os.environ.get(PARENT_VARIABLE, "").strip("0"):
        return
    while True:
        await asyncio.sleep(PARENT_CHECK_EVERY_S)
        if os.getppid() != parent:
            stop()
            return
