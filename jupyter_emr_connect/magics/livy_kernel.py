"""The local kernel of transport ``livy``: its plain cells run in a Spark session, those with magics here.

Started by ``provisioning.session_kernel`` as ``python -m jupyter_emr_connect.magics.livy_kernel FD``. The first line on
its stdin says all that it needs, secrets included; it reports what becomes of its session on the pipe FD, as JSON
lines. When stdin ends, whoever started it is no more: the session is left for the next process, or deleted where none
will come.
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import zmq
from ipykernel.heartbeat import Heartbeat
from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from traitlets.config import Config

from ..config import EMRConnect
from ..executors import AWS, run_in
from ..livy.client import View
from ..livy.completion import name_before
from ..livy.target import LivyTarget
from ..services.attachments.handover import handed_compute, session_settings, take_over
from ..services.attachments.starting import ensure_started
from .emr_magic import LivyKernelCommands
from .extension import register
from .kernel_commands import OwnKernel
from .remote import RemoteSpark
from .spark_magics import AttachedSpark, SparkMagics

KEEP, END = "keep", "end"  # the words before the end of stdin: leave the session running, or delete it
CELL = "_emr_connect_cell"
COMPLETE_WITHIN_S = 0.2  # whoever types waits for no longer
LOCAL = re.compile(r"\s*%%local[^\n]*(\n|$)")
LANGUAGES: dict[str, dict[str, Any]] = {
    "pyspark": {"name": "python", "mimetype": "text/x-python", "file_extension": ".py", "pygments_lexer": "python3"},
    "spark": {"name": "scala", "mimetype": "text/x-scala", "file_extension": ".scala", "pygments_lexer": "scala"},
    "sparkr": {"name": "R", "mimetype": "text/x-rsrc", "file_extension": ".r", "pygments_lexer": "r"},
}


class Parent:
    """Whoever started this process, told on a pipe what becomes of the session."""

    def __init__(self, descriptor: int) -> None:
        self._pipe = os.fdopen(descriptor, "w", buffering=1, encoding="utf-8")
        self._lock = threading.Lock()

    def tell(self, event: str, **values: Any) -> None:
        """Write one line; a parent that is gone hears nothing."""
        try:
            with self._lock:
                self._pipe.write(json.dumps({"event": event, **values}) + "\n")
        except OSError:
            return

    async def session(self, view: View | None) -> None:
        """Tell which session the kernel has now."""
        self.tell("session", id=view["id"] if view else None)


class ParentHandler(logging.Handler):
    """Passes this package's log to whoever started this process, who has a log that is read."""

    def __init__(self, parent: Parent) -> None:
        super().__init__(logging.INFO)
        self._parent = parent

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one record; called on any thread."""
        self._parent.tell("log", level=record.levelno, text=record.getMessage())


class LivyKernel(IPythonKernel):
    """An IPython kernel whose plain cells run on EMR. ``magics`` is set before it serves."""

    implementation = "jupyter_emr_connect"
    magics: SparkMagics
    banner = "Spark on EMR, by Livy. %%help shows what there is beside plain cells."

    @property
    def language_info(self) -> dict[str, Any]:
        """What the session's cells are written in."""
        return LANGUAGES[self.magics.remote.kind]

    @language_info.setter
    def language_info(self, value: dict[str, Any]) -> None:
        """Ignore what ipykernel says of itself."""

    async def do_execute(self, code: str, silent: bool, *args: Any, **options: Any) -> dict[str, Any]:
        """Run a cell: on EMR, or here when it begins with a magic; called by ipykernel for each."""
        run: Callable[..., Awaitable[dict[str, Any]]] = super().do_execute
        return await run(routed(code), silent, *args, **options)

    def do_complete(self, code: str, cursor_pos: int | None) -> Any:
        """Complete a name as the session knows it, in a cell that begins with a magic as this kernel does."""
        if code.lstrip().startswith("%"):
            here: Callable[[str, int | None], Any] = super().do_complete
            return here(code, cursor_pos)
        cursor = len(code) if cursor_pos is None else cursor_pos
        names = self.magics.remote.complete(code, cursor, COMPLETE_WITHIN_S)
        begins = len(name_before(code, cursor).rpartition(".")[2])
        return {
            "matches": names,
            "cursor_start": cursor - begins if names else cursor,
            "cursor_end": cursor,
            "metadata": {},
            "status": "ok",
        }

    async def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """End the session, and then the process; called on the thread of the control channel."""
        end_session(self.magics.remote)
        shut_down: Callable[[bool], Any] = super().do_shutdown
        reply = shut_down(restart)
        done: dict[str, Any] = await reply if inspect.isawaitable(reply) else reply
        return done


def routed(code: str) -> str:
    """Return the code that IPython is to run for a cell."""
    if not code.strip():
        return ""
    if local := LOCAL.match(code):
        return code[local.end() :]
    if (begun := code.lstrip()).startswith("%"):
        # IPython takes a cell magic without a body for a mistake.
        return begun if "\n" in begun.rstrip() or not begun.startswith("%%") else f"{begun.rstrip()}\n "
    return f"%%{CELL}\n{code}"


def end_session(remote: RemoteSpark, *, remove: bool = True) -> None:
    """Delete the session or leave it, once; an error is no reason not to end."""
    try:
        remote.close(remove=remove)
    except Exception as error:
        sys.__stderr__ and sys.__stderr__.write(f"The Spark session could not be ended: {error}\n")


class HandedHeartbeat(Heartbeat):
    """ipykernel's heartbeat at its own form of address, on the listening socket that the parent hands down."""

    def __init__(self, address: tuple[str, str, int], handed: int) -> None:
        begin: Callable[..., None] = super().__init__
        begin(zmq.Context(), address)
        self._handed = handed

    def _try_bind_socket(self) -> None:
        self.socket.setsockopt(zmq.USE_FD, self._handed)
        bind: Callable[[], None] = super()._try_bind_socket
        bind()


class LivyKernelApp(IPKernelApp):
    """ipykernel's application, on the listening sockets that the parent hands down (``provisioning.kernel_sockets``).

    ``handed`` are their file descriptors by channel, set before it is initialized.
    """

    handed: dict[str, int]

    def _try_bind_socket(self, s: zmq.Socket[bytes], port: int) -> int:
        """Use the parent's socket; called by ipykernel for each channel but the heartbeat, with the port named."""
        channel = next(name for name in self.handed if getattr(self, f"{name}_port") == port)
        s.setsockopt(zmq.USE_FD, self.handed[channel])
        bind: Callable[[zmq.Socket[bytes], int], int] = super()._try_bind_socket
        return bind(s, port)

    def init_heartbeat(self) -> None:
        """Start the heartbeat in a context of its own, as ipykernel does, on the parent's socket."""
        self.heartbeat = HandedHeartbeat((self.transport, self.ip, self.hb_port), self.handed["hb"])
        self.heartbeat.start()


def make_app(order: dict[str, Any]) -> IPKernelApp:
    """Return ipykernel's application, to be served where ``order`` says."""
    for descriptor in order["sockets"].values():
        os.set_inheritable(descriptor, False)
    address = order["address"]
    config = Config()
    config.IPKernelApp.log_level = logging.CRITICAL  # or it tells the terminal how to connect another client
    config.Session.key = address["key"].encode()
    config.Session.signature_scheme = address["signature_scheme"]
    config.IPKernelApp.ip = address["ip"]
    for name in ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"):
        config.IPKernelApp[name] = address[name]
    app: LivyKernelApp = LivyKernelApp.instance(kernel_class=LivyKernel, config=config)
    app.handed = order["sockets"]
    return app


def log_to(parent: Parent) -> None:
    """Send this package's log to the parent alone: on this process's stderr it would stand in the user's cells."""
    logger = logging.getLogger("jupyter_emr_connect")
    logger.addHandler(ParentHandler(parent))
    logger.setLevel(logging.INFO)
    logger.propagate = False


def make_remote(order: dict[str, Any], parent: Parent) -> RemoteSpark:
    """Return the session to be; the connection is taken over at the first cell."""

    async def connect() -> LivyTarget:
        _, connection = await run_in(AWS, take_over, order["connection"])
        return connection.target

    async def before_start(tell: Callable[[str, float], None]) -> str:
        config, connection = await run_in(AWS, take_over, order["connection"])
        return await ensure_started(config, connection.compute, tell)

    config, compute = handed_compute(order["connection"])
    return RemoteSpark(
        connect,
        kind=order["kind"],
        name=order["name"],
        start_timeout=config.session_timeout,
        reconnect_s=config.reconnect_hours * 3600,
        settings=session_settings(config, compute, order["connection"]["role"]),
        reduced=compute.kind == "serverless",
        before_start=before_start,
        adopted=order.get("session"),
        on_session=parent.session,
    )


def watch_stdin(remote: RemoteSpark, *, persistent: bool) -> None:
    """End the process when stdin does; runs in a thread of its own. ``persistent``: one that was killed comes back."""
    word = sys.__stdin__.read().strip() if sys.__stdin__ else ""
    end_session(remote, remove=word == END or not (persistent or word == KEEP))
    os._exit(0)


def main(descriptor: int) -> None:
    """Serve one kernel until it is asked to end."""
    order = json.loads(sys.stdin.readline())
    parent = Parent(descriptor)
    log_to(parent)
    remote = make_remote(order, parent)
    compute = order["connection"]["compute"]
    app = make_app(order)
    app.initialize([])
    shell = app.kernel.shell
    magics = SparkMagics(shell, AttachedSpark(remote, f"{compute['name']} ({compute['id']})"))
    own = OwnKernel(
        order["name"].removeprefix("emr-connect-"), compute["id"], order["connection"]["role"], "livy", os.environ
    )
    settings = order["connection"]["settings"]
    commands = LivyKernelCommands(magics.screen, lambda: EMRConnect(**settings), magics, kernel=own)
    register(shell, magics, commands)
    shell.register_magic_function(magics.answer_plain, "cell", CELL)
    app.kernel.magics = magics
    threading.Thread(
        target=watch_stdin, args=(remote,), kwargs={"persistent": order["persistent"]}, daemon=True, name="parent"
    ).start()
    parent.tell("ready")
    app.start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
