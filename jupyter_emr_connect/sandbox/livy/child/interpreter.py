"""The process that runs a session's Python code; started by the driver's ``PythonProcess.scala``.

Requests come as lines of JSON on stdin, answers go as lines ``<request> <json>`` to what was stdout at the start. User
code finds other streams there: an empty stdin, and captured stdout and stderr. What child processes of user code
write goes to the driver's log. The secret of the gateway to Spark comes with the first request.
"""

from __future__ import annotations

import io
import json
import os
import queue
import signal
import sys
import threading
import types
from typing import Any, TextIO

from . import completion, execution, spark


class Capture(io.TextIOWrapper):
    """A text stream that keeps what is written to it, in UTF-8, until it is taken."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)

    def take(self) -> str:
        """Return what was written since the last call."""
        text = self._bytes.getvalue().decode("utf-8", "replace")
        self._bytes.seek(0)
        self._bytes.truncate()
        return text

    def close(self) -> None:
        """Stay open: user code that closes stdout would otherwise end all output."""


class Interpreter:
    """Executes requests on the main thread; reads them on another, so that interrupts get through."""

    def __init__(self, requests: TextIO, answers: TextIO) -> None:
        self._requests = requests
        self._answers = answers
        self._queue: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running: int | None = None
        self._context: Any = None
        self._main = threading.get_ident()
        self._stdout, self._stderr = Capture(), Capture()
        # Pickled functions name this module, and pyspark pickles what is in __main__ by value.
        self.module = types.ModuleType("__main__")
        self.module.__dict__["__builtins__"] = __builtins__

    def run(self) -> None:
        """Serve until the driver closes our stdin."""
        sys.modules["__main__"] = self.module
        sys.stdout, sys.stderr = self._stdout, self._stderr
        sys.argv = [""]
        threading.Thread(target=self._read, daemon=True, name="livy-requests").start()
        signal.signal(signal.SIGINT, self._interrupted)
        while True:
            try:
                self._serve(self._queue.get())
            except KeyboardInterrupt:
                continue  # came a moment after its statement had ended

    def _read(self) -> None:
        for line in self._requests:
            request = json.loads(line)
            if request["do"] == "interrupt":
                self._interrupt(request["statement"])
            elif request["do"] == "complete":
                names = completion.complete(self.module.__dict__, request["code"], request["cursor"])
                self._answer(request, names)
            else:
                self._queue.put(request)
        os._exit(0)  # the driver is gone, whatever the main thread does

    def _serve(self, request: dict[str, Any]) -> None:
        if request["do"] == "start":
            names = spark.connect(request["port"], request["secret"])
            self._context = names["sc"]
            self.module.__dict__.update(names)
            signal.signal(signal.SIGINT, self._interrupted)  # pyspark has set its own
            self._answer(request, None)
            return
        number = request["statement"]
        self._running = number
        try:
            # Spark keeps the group by thread, and ours is not the driver's.
            self._context.setJobGroup(str(number), f"Job group for statement {number}")
            outcome = execution.execute(request["code"], self.module.__dict__)
        except KeyboardInterrupt:
            outcome = execution.failure("KeyboardInterrupt", "", ["KeyboardInterrupt\n"])
        finally:
            with self._lock:
                self._running = None
        self._answer(request, execution.output(outcome, number, self._stdout.take(), self._stderr.take()))

    def _answer(self, request: dict[str, Any], value: object) -> None:
        text = json.dumps(value, ensure_ascii=False)
        with self._lock:
            self._answers.write(f"{request['request']} {text}\n")
            self._answers.flush()

    def _interrupt(self, statement: int) -> None:
        with self._lock:
            if self._running == statement:
                # Unlike _thread.interrupt_main, a signal also ends sleeps and reads.
                signal.pthread_kill(self._main, signal.SIGINT)

    def _interrupted(self, *_: object) -> None:
        if self._running is not None:
            raise KeyboardInterrupt


def main() -> None:
    """Start as a program: ``sys.argv[1:]`` are the driver's jar and Spark's Python libraries."""
    jar, *libraries = sys.argv[1:]
    sys.path.remove(jar)
    # Spark's own Py4J comes first; its own pyspark only counts where none is installed.
    sys.path[:0] = [path for path in libraries if "py4j" in path]
    sys.path += [path for path in libraries if "py4j" not in path]
    os.environ.setdefault("MPLBACKEND", "Agg")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    # A lone surrogate becomes \udXXX, which is right in JSON.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace", newline="\n")
    with open(os.devnull) as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115 - stays open for the life of the process
    spark.preload()
    Interpreter(requests, answers).run()
