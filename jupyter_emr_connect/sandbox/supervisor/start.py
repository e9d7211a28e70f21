"""Starts the supervisor: in the background, reporting to the process that waits, or in the foreground.

Run as a module (``python -m jupyter_emr_connect.sandbox.supervisor.start``) it is the background process itself.
Its options come as one JSON line on stdin; its reports go out on stdout as JSON lines, ``{"stage"}`` or
``{"error"}``; the last stage is ``ready``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import EMRConnectError, SandboxError, SandboxStartError
from ..engines.install import ensure_installed
from ..state.folder import StateFolder
from .control_client import ask
from .supervisor import Options, Supervisor

log = logging.getLogger(__name__)

DOWN_TIMEOUT_S = 30.0
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def start_in_background(options: Options, progress: Callable[[str], None]) -> None:
    """Start the supervisor in a session of its own and return once every engine answers.

    ``progress`` is called with each stage. Raises SandboxStartError; nothing is left running then. When this process is
    interrupted meanwhile, the supervisor goes down as well.
    """
    folder = StateFolder.of(options.name)
    folder.create()
    descriptor = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=descriptor,
            env=_environment(),
            cwd="/",
            start_new_session=True,
            text=True,
        )
    finally:
        os.close(descriptor)
    try:
        _hand_over(child, options)
        _await_ready(child, folder, progress)
    except BaseException:
        child.terminate()
        child.wait()
        raise


def stop(name: str) -> None:
    """Take the sandbox down and return once its supervisor has ended.

    Raises SandboxNotRunning when there is none, SandboxError when it does not end.
    """
    folder = StateFolder.of(name)
    ask(name, "down")
    deadline = time.monotonic() + DOWN_TIMEOUT_S
    while folder.is_running():
        if time.monotonic() > deadline:
            message = f"The sandbox {name!r} does not end."
            raise SandboxError(message, fix=f"See {folder.log}; `kill -9` of its supervisor ends everything.")
        time.sleep(0.05)


def run_in_foreground(options: Options, progress: Callable[[str], None]) -> None:
    """Be the supervisor until SIGTERM or SIGINT; raises SandboxStartError."""
    folder = StateFolder.of(options.name)
    folder.create()
    logging.basicConfig(level=logging.INFO, format=FORMAT)
    _supervise(options, folder, progress)


def _supervise(options: Options, folder: StateFolder, report: Callable[[str], None]) -> None:
    lock = folder.lock()
    if lock is None:
        message = f"A sandbox named {options.name!r} is already running or starting."
        raise SandboxStartError(message, fix="See `jupyter emr sandbox status`.")
    with lock:
        installation = ensure_installed(
            lambda *_: None, livy_home=options.livy_home, gateways=[options.gateway_version]
        )

        async def supervise() -> None:
            await Supervisor(options, installation, folder).run(report)

        try:
            asyncio.run(supervise())
        except BaseException:
            folder.clean(keep_logs=True)
            raise
        folder.clean()


def _environment() -> dict[str, str]:
    """Return our environment without the user's AWS settings: the sandbox must never know a real key."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def _hand_over(child: subprocess.Popen[str], options: Options) -> None:
    if child.stdin is None:
        raise BrokenPipeError
    livy_home = str(options.livy_home) if options.livy_home else None
    child.stdin.write(json.dumps({**vars(options), "livy_home": livy_home}) + "\n")
    child.stdin.close()


def _await_ready(child: subprocess.Popen[str], folder: StateFolder, progress: Callable[[str], None]) -> None:
    for line in child.stdout or ():
        report: dict[str, Any] = json.loads(line)
        if "error" in report:
            raise SandboxStartError(report["error"]["message"], fix=report["error"]["fix"])
        if report["stage"] == "ready":
            return
        progress(report["stage"])
    message = "The sandbox's process ended while starting."
    raise SandboxStartError(message, fix=f"See {folder.log}.")


def main() -> int:
    """Be the background process; see the module's text."""
    logging.basicConfig(level=logging.INFO, format=FORMAT)
    given = json.loads(sys.stdin.readline())
    livy_home = Path(given.pop("livy_home")) if given["livy_home"] else None
    given.pop("livy_home", None)
    options = Options(**given, livy_home=livy_home)

    def say(**content: Any) -> None:
        print(json.dumps(content), flush=True)  # noqa: T201 - the protocol of this process

    def report(stage: str) -> None:
        say(stage=stage)
        if stage == "ready":  # nobody listens from here on
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, 0)
            os.dup2(nowhere, 1)
            os.close(nowhere)

    try:
        _supervise(options, StateFolder.of(options.name), report)
    except EMRConnectError as error:
        log.error("the supervisor ends: %s", error)
        say(error=error.to_json())
        return 1
    except Exception:
        log.exception("the supervisor failed")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
