"""What answers the cells of a gateway kernel that begin with ``%emr``: its commands, in a thread of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from ..config import EMRConnect
from ..errors import EMRConnectError
from ..executors import CELLS, run_in
from ..gateway.channels.local_cells import LocalCellError, Show
from ..gateway.event_loop import gateway_loop
from ..magics.screen import Screen

if TYPE_CHECKING:
    from ..magics.completion import Completer
    from ..magics.kernel_commands import OwnKernel

MAGIC = "%emr"
MISUSE = "UsageError"  # IPython's name for a line that cannot be understood


class EMRCells:
    """The answers to such cells of one gateway kernel (``gateway.channels.local_cells.LocalAnswers``).

    ``restart`` restarts the kernel; it is awaited on the gateway loop.
    """

    def __init__(
        self, config: EMRConnect, kernel: Callable[[], OwnKernel], restart: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        self._config = config
        self._kernel = kernel
        self._restart = restart
        self._completer: Completer | None = None

    async def run(self, code: str, show: Show) -> None:
        """Do what the lines of a cell say, one after another; raises ``LocalCellError``."""
        lines = lines_of(code)
        await run_in(CELLS, self._run, lines, ThreadScreen(show))

    def _run(self, lines: list[str], screen: ThreadScreen) -> None:
        from IPython.core.error import UsageError

        from ..magics.commands import error_lines
        from ..magics.kernel_commands import GatewayCommands

        commands = GatewayCommands(screen, lambda: self._config, kernel=self._kernel(), restart=self._restart_and_wait)
        try:
            for line in lines:
                if (value := commands.run(line)) is not None:
                    screen.show(value.bundle)
        except UsageError as error:
            raise LocalCellError(MISUSE, str(error), [f"UsageError: {error}"]) from None
        except EMRConnectError as error:
            raise LocalCellError(type(error).__name__, str(error), error_lines(error)) from None

    def _restart_and_wait(self) -> None:
        gateway_loop().submit(self._restart()).result()

    async def complete(self, code: str, cursor: int) -> dict[str, Any]:
        """Return what may stand at the cursor, for a ``complete_reply``."""
        line = code[:cursor].rpartition("\n")[2]
        text = line.rpartition(" ")[2]
        matches = await run_in(CELLS, self._complete, line, text)
        return {"matches": matches, "cursor_start": cursor - len(text), "cursor_end": cursor}

    def _complete(self, line: str, text: str) -> list[str]:
        from ..magics.completion import Completer
        from ..magics.verbs import KERNEL_VERBS

        if self._completer is None:
            self._completer = Completer(lambda: self._config, list, KERNEL_VERBS)
        return self._completer.matches(line, text)


class ThreadScreen(Screen):
    """The output of a cell that is answered here, passed on to the gateway loop from the thread that runs it."""

    def __init__(self, show: Show) -> None:
        super().__init__()
        self._show = show
        self._loop = asyncio.get_running_loop()
        self.begin(alone=True)

    def _tell(self, msg_type: str, content: dict[str, Any]) -> None:
        self._loop.call_soon_threadsafe(self._show, msg_type, content)

    def _print(self, stream: str, text: str) -> None:
        self._tell("stream", {"name": stream, "text": text})

    def _display(self, data: Mapping[str, Any], display_id: str = "", *, update: bool = False) -> None:
        transient = {"display_id": display_id} if display_id else {}
        content = {"data": dict(data), "metadata": {}, "transient": transient}
        self._tell("update_display_data" if update else "display_data", content)

    def _clear(self) -> None:
        self._tell("clear_output", {"wait": False})


def lines_of(code: str) -> list[str]:
    """Return what the lines of a cell say after ``%emr``; raises ``LocalCellError`` where one says something else.

    Such a line would be lost: neither side runs a part of a cell.
    """
    lines = [line.strip() for line in code.splitlines()]
    commands = [line for line in lines if line and not line.startswith("#")]
    others = [line for line in commands if line.split(None, 1)[0] != MAGIC]
    if others:
        text = f"A cell that begins with {MAGIC} has such lines alone. Run {others[0][:60]!r} in a cell of its own."
        raise LocalCellError(MISUSE, text, [f"UsageError: {text}"])
    return [line[len(MAGIC) :].strip() for line in commands]
