"""Data between a Spark session and this notebook: frames brought here, text and rows sent there.

Used on the thread that runs cells; each statement is run by the caller's ``run``, which shows its progress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.error import StdinNotImplementedError, UsageError

from ..livy.frames import DROP, FrameRows, begin_rows, fetch_code, next_code, read_rows
from ..livy.sending import Unsendable, frame_codes, packed_rows, text_codes
from ..livy.statement import StatementResult
from .display import query_error

VIEW = "_emr_connect_frame"  # by which the interpreters of one session share a frame for a moment
ASKED_ABOVE_BYTES = 100_000_000

Run = Callable[[str], StatementResult]


def bring_rows(run: Run, expression: str, limit: int, *, unasked: bool = False) -> FrameRows:
    """Return the rows of the frame that an expression is in a PySpark session; ``limit`` below 0 means all.

    The user is asked before more than 100 MB, unless ``unasked``. Raises ``UsageError`` and errors of the session.
    """
    most = -1 if unasked else ASKED_ABOVE_BYTES
    text = begin_rows(_printed(run(fetch_code(expression, limit, most_bytes=most))))
    if text is None:
        message = f"{expression} is no Spark DataFrame."
        raise UsageError(message)
    if text.size > ASKED_ABOVE_BYTES and not unasked:
        try:
            _ask(f"These rows are {text.size / 1e6:,.0f} MB. Bring them here?", "-n ROWS brings fewer")
        except BaseException:
            run(DROP)
            raise
    while not text.is_whole:
        more = text.with_piece(_printed(run(next_code(text))))
        if more is None:
            message = "The session answered with a part of the rows only. Run the cell again."
            raise UsageError(message)
        text = more
    return read_rows(text, limit)


@contextmanager
def shared_frame(run: Run, in_python: Run, kind: str, name: str) -> Iterator[str]:
    """Let Python see the frame ``name`` of a session for another language, as the expression that is yielded.

    The interpreters of a session share its views. Raises what the session says of a ``name`` that is no frame.
    """
    share = f'{name}.createOrReplaceTempView("{VIEW}")'
    _printed(run(share if kind == "spark" else f'createOrReplaceTempView({name}, "{VIEW}")'))
    try:
        yield f"spark.table({VIEW!r})"
    finally:
        in_python(f"spark.catalog.dropTempView({VIEW!r})")


def send_value(
    run: Run,
    in_python: Callable[[], Run],
    kind: str,
    name: str,
    value: Any,
    *,
    most_rows: int | None = None,
    unasked: bool = False,
) -> str:
    """Send a value into a session of this kind; returns what it is there. Raises ``UsageError``.

    ``in_python`` returns what runs Python there, whatever the session's language, or raises ``UsageError``.
    """
    if isinstance(value, str):
        _send(run, text_codes(kind, name, value), len(value), unasked=unasked)
        return "text"
    run_python = in_python()
    try:
        packed = packed_rows(value, most_rows)
    except Unsendable as error:
        message = f"{name} {error}; text, pandas DataFrames and lists of dicts can be sent."
        raise UsageError(message) from None
    if kind == "pyspark":
        _send(run_python, frame_codes(name, packed), len(packed), unasked=unasked)
        return "a Spark DataFrame"
    made = f"{VIEW}_made"
    _send(run_python, frame_codes(made, packed), len(packed), unasked=unasked)
    _printed(run_python(f"{made}.createOrReplaceTempView({VIEW!r})\ndel {made}"))
    try:
        read = f'val {name} = spark.table("{VIEW}")' if kind == "spark" else f'{name} <- tableToDF("{VIEW}")'
        _printed(run(read))
    finally:
        run_python(f"spark.catalog.dropTempView({VIEW!r})")
    return "a Spark DataFrame"


def _send(run: Run, codes: Iterable[str], size: int, *, unasked: bool) -> None:
    if size > ASKED_ABOVE_BYTES and not unasked:
        _ask(f"This is {size / 1e6:,.0f} MB. Send it?", "-m ROWS sends fewer")
    for code in codes:
        _printed(run(code))


def _ask(question: str, otherwise: str) -> None:
    """Return when the user agrees; raises ``UsageError`` when not, and where nobody can be asked."""
    try:
        agreed = input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except (StdinNotImplementedError, EOFError):
        agreed = False
        question = f"{question} Nobody can be asked here: -y does it unasked."
    if not agreed:
        message = f"{question.removesuffix('?')}: not done; {otherwise}."
        raise UsageError(message)


def _printed(result: StatementResult) -> str:
    if result.failed:
        raise query_error(result)
    return str(result.data.get("text/plain", ""))
