"""One headless run: the kernel's life, the cells, the signals. Used by ``jupyter emr run`` alone."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import CellFailed, EMRConnectError, KernelGone, KernelStartFailed
from ..executors import FILES, run_in
from ..services.stages import stage_listener
from .notebooks import NotebookKernel, Output, trust
from .reporting import Reporter
from .spark_cells import error_line, refusal_of_settings

if TYPE_CHECKING:
    from jupyter_client.asynchronous.client import AsyncKernelClient
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbformat import NotebookNode
    from traitlets.config import Config

# sparkmagic answers "ok" for a cell whose Spark statement failed unless its all_errors_are_fatal is set.
FAIL_LOUDLY = """%%local
from sparkmagic.utils import configuration
configuration.override("all_errors_are_fatal", True)"""


# For a cell to end of an interrupt before SIGTERM ends the kernel: container runtimes kill after 10 s or more.
INTERRUPTED_WITHIN_S = 5.0


@dataclass
class Result:
    """How a run ended. ``stages`` is seconds by stage of the kernel's start; ``signum`` is what stopped it."""

    stages: dict[str, float] = field(default_factory=dict)
    cells: int = 0
    executed: int = 0
    seconds: float = 0.0
    error: EMRConnectError | None = None
    signum: int | None = None


class HeadlessRun:
    """Runs a notebook once; ``timeout`` is seconds per cell, None for no limit.

    ``jupyter_config`` is that of Jupyter's configuration files.
    """

    def __init__(
        self,
        notebook: NotebookNode,
        kernel: NotebookKernel,
        output: Output,
        *,
        env: dict[str, str],
        timeout: float | None,
        ready_timeout: float,
        reporter: Reporter,
        jupyter_config: Config,
    ) -> None:
        self._notebook = notebook
        self._kernel = kernel
        self._output = output
        self._env = env
        self._timeout = timeout
        self._ready_timeout = ready_timeout
        self._reporter = reporter
        self._jupyter_config = jupyter_config
        self._manager: AsyncKernelManager | None = None
        self._running_cell = False
        self._task: asyncio.Task[Any] | None = None
        self.result = Result(cells=sum(1 for cell in notebook.cells if _runs(cell)))

    async def run(self) -> Result:
        """Start the kernel, run the cells, write the notebook after each, and end the kernel whatever happens."""
        started = time.monotonic()
        self._task = asyncio.current_task()
        with self._signals():
            try:
                await self._run()
            except asyncio.CancelledError:
                if self.result.signum is None:
                    raise
            except EMRConnectError as error:
                if self.result.signum is None:
                    self.result.error = error
            finally:
                self._reporter.close()
                self.result.seconds = time.monotonic() - started
        return self.result

    async def _run(self) -> None:
        manager = await self._start()
        try:
            await self._cells(manager)
        finally:
            await asyncio.shield(self._end(manager))

    async def _start(self) -> AsyncKernelManager:
        from jupyter_client.manager import AsyncKernelManager

        manager = AsyncKernelManager(kernel_name=self._kernel.name)
        if (spec := manager.kernel_spec) is not None:
            spec.env = {}  # they are in our `env`, where what the command line asks for goes before them
        stage_listener.set(self._reporter.stage)
        try:
            await manager.start_kernel(env=self._env)
        except EMRConnectError:
            raise
        except RuntimeError as error:
            message = f"The kernel {self._kernel.name} did not start: {error}"
            raise KernelStartFailed(message, fix="Repeat with --debug for the details.") from error
        finally:
            self.result.stages = dict(getattr(manager.provisioner, "timings", None) or {})
        self._manager = manager
        return manager

    async def _end(self, manager: AsyncKernelManager) -> None:
        """Write what there is, delete the kernel, and sign the notebook: all of it is what this user has run here."""
        try:
            text = self._output.write(self._notebook)
        finally:
            if manager.has_kernel:
                await manager.shutdown_kernel(now=self.result.signum is not None)
        if why := await run_in(FILES, trust, text, self._jupyter_config):
            self._reporter.note(f"Jupyter will not trust the output: {why}")

    async def _cells(self, manager: AsyncKernelManager) -> None:
        client = self._make_client(manager)
        client.reset_execution_trackers()
        channels = manager.client()
        channels.start_channels()
        client.kc = channels
        try:
            await self._wait_until_ready(channels)
            await self._prepare(client, channels)
            number = 0
            for index, cell in enumerate(self._notebook.cells):
                number += _runs(cell)
                await self._cell(client, cell, index, number)
            client.set_widgets_metadata()
        finally:
            channels.stop_channels()

    def _make_client(self, manager: AsyncKernelManager) -> NotebookClient:
        from .notebook_client import FrontEndClient

        return FrontEndClient(self._notebook, km=manager, timeout=self._timeout)

    async def _wait_until_ready(self, channels: AsyncKernelClient) -> None:
        try:
            await channels.wait_for_ready(timeout=self._ready_timeout)
        except RuntimeError as error:  # jupyter_client's word for a kernel that died or is silent
            message = f"The kernel {self._kernel.name} started, but did not answer within {self._ready_timeout:g} s."
            raise KernelStartFailed(message, fix="Run the notebook again.") from error

    async def _prepare(self, client: NotebookClient, channels: AsyncKernelClient) -> None:
        info = await client.async_wait_for_reply(channels.kernel_info())
        if info:
            self._notebook.metadata["language_info"] = info["content"]["language_info"]
        if self._kernel.spark:
            await client.async_wait_for_reply(channels.execute(FAIL_LOUDLY, silent=True, store_history=False))

    async def _cell(self, client: NotebookClient, cell: NotebookNode, index: int, number: int) -> None:
        if not _runs(cell):
            return
        if self.result.signum is not None:
            raise asyncio.CancelledError
        self._reporter.begin(number, self.result.cells, cell.source)
        begun, outcome = time.monotonic(), "error"
        self._running_cell = True
        try:
            await self._execute(client, cell, index, number)
            outcome = "ok"
        finally:
            self._running_cell = False
            stopped = self.result.signum is not None
            self._reporter.end(time.monotonic() - begun, "stopped" if stopped else outcome)
            self._output.write(self._notebook)
        self.result.executed += 1

    async def _execute(self, client: NotebookClient, cell: NotebookNode, index: int, number: int) -> None:
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        try:
            await client.async_execute_cell(cell, index, execution_count=number)
        except CellExecutionError as error:
            message = f"Cell {number} of {self.result.cells} failed: {error_line(error.ename, error.evalue)}"
            raise CellFailed(message, fix=f"The whole error is in {str(self._output.path)!r}.") from error
        except CellTimeoutError as error:
            message = f"Cell {number} of {self.result.cells} ran longer than {self._timeout:g} s."
            raise CellFailed(message, fix="Allow more with --timeout.") from error
        except DeadKernelError as error:
            reason = getattr(self._manager and self._manager.provisioner, "reason", "") or "it is no longer there."
            message = f"The kernel died in cell {number} of {self.result.cells}: {reason}"
            raise KernelGone(message, fix="Run the notebook again.") from error
        if self._kernel.spark and (refusal := refusal_of_settings(cell)):
            message = f"Cell {number} of {self.result.cells} failed: its Spark settings were not used: {refusal}"
            fix = "Put %%configure before all cells that use Spark, or write `%%configure -f`; its body is JSON."
            raise CellFailed(message, fix=fix)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, self._on_signal, signum)
        try:
            yield
        finally:
            for signum in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(signum)

    def _on_signal(self, signum: int) -> None:
        """First: interrupt the remote cell, which then ends the run. Second, or outside a cell: end the kernel.

        SIGTERM comes from what waits for our end: it needs no second one, however little the cell or its connection
        does about an interrupt.
        """
        first = self.result.signum is None
        self.result.signum = self.result.signum or signum
        task = self._task
        if first and self._running_cell and self._manager is not None:
            self._reporter.note("Interrupting the cell; once more ends the kernel at once.")
            self._interrupting = asyncio.ensure_future(self._manager.interrupt_kernel())
            if signum == signal.SIGTERM and task is not None:
                asyncio.get_running_loop().call_later(INTERRUPTED_WITHIN_S, task.cancel)
        elif task is not None:
            task.cancel()


def _runs(cell: NotebookNode) -> bool:
    return bool(cell.cell_type == "code" and cell.source.strip())
