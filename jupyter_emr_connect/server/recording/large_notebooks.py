"""Large notebooks are written by a process of their own: reading and making their JSON would hold up the server's loop.

Python parses JSON in one go, a second for some 100 MB, in which no other thread runs. The process has the contents
manager's class and settings, and does what the server does with a small notebook (:class:`.notebooks.Notebooks`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from nbformat.sign import NotebookNotary, SQLiteSignatureStore
from tornado.web import HTTPError

from ...executors import FILES, run_in
from ...services.bodies import json_parts
from ...services.recording.runs import Run
from ..contents_events import AttachmentFollower

LARGE_BYTES = 4_000_000
# Settings of a contents manager and of what signs its notebooks that a file is read and written by.
TRAITS = ("root_dir", "allow_hidden", "use_atomic_writing")
NOTARY_TRAITS = ("algorithm", "data_dir", "db_file", "secret_file")
IN_MEMORY = ":memory:"  # of SQLite

Verb = Literal["write", "show"]


def can_be_apart(contents: Any) -> bool:
    """Say whether another process can read and write as a contents manager does: Jupyter's own, for files, no hooks.

    Our own hook looks for new files alone, which the recorder does not make.
    """
    from jupyter_server.services.contents import filemanager, largefilemanager

    stock = (
        filemanager.FileContentsManager,
        filemanager.AsyncFileContentsManager,
        largefilemanager.LargeFileManager,
        largefilemanager.AsyncLargeFileManager,
    )
    hooks = [contents.pre_save_hook, contents.post_save_hook, *contents._pre_save_hooks, *contents._post_save_hooks]
    others = [hook for hook in hooks if hook and not isinstance(getattr(hook, "__self__", None), AttachmentFollower)]
    return type(contents) in stock and not others and _is_shared(contents.notary)


def _is_shared(notary: Any) -> bool:
    """Say whether another process can know and note which notebooks are trusted."""
    return type(notary) is NotebookNotary and type(notary.store) is SQLiteSignatureStore and notary.db_file != IN_MEMORY


def is_large(file: Path, runs: Sequence[Run]) -> bool:
    """Say whether a notebook is large, or gets large by these runs; blocks on the disk."""
    try:
        size = file.stat().st_size
    except OSError:
        return False
    for run in runs:
        for node in run.outputs.nodes() if run.outputs else ():
            size += sum(map(len, _texts(node)))
            if size > LARGE_BYTES:
                return True
    return size > LARGE_BYTES


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


async def in_process(
    contents: Any, verb: Verb, path: str, runs: Sequence[Run], *, adds: bool = False
) -> dict[str, list[str]]:
    """Write runs into their cells, or look which are shown, in another process; to its end also if cancelled.

    Returns ``runs``, the ids of those that :meth:`.notebooks.Notebooks.write` or ``showing`` returns there, and
    ``versions`` of the file. Raises as they do, ``OSError`` where no process can be started, and ``RuntimeError`` with
    what it said last where it has failed.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"{__package__}.notebook_process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the server's terminal leaves the file whole
        cwd="/",  # Python looks first in the folder that it is started in, which may hold a module of any name
    )
    task = asyncio.ensure_future(_talk(process, _request(contents, verb, path, runs, adds)))
    try:
        answer = await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        raise
    if error := answer.get("error"):
        raise HTTPError(error["status"], "%s", error["message"])
    return {"runs": answer["runs"], "versions": answer["versions"]}


def _request(contents: Any, verb: Verb, path: str, runs: Sequence[Run], adds: bool) -> dict[str, Any]:
    notary = contents.notary
    return {
        "manager": [type(contents).__module__, type(contents).__name__],
        "traits": {name: getattr(contents, name) for name in TRAITS if contents.has_trait(name)},
        "notary": {**{name: getattr(notary, name) for name in NOTARY_TRAITS}, "secret": notary.secret.hex()},
        "verb": verb,
        "path": path,
        "adds": adds,
        "runs": [{**run.to_json(), "noticed": run.noticed} for run in runs],
    }


async def _talk(process: asyncio.subprocess.Process, request: dict[str, Any]) -> dict[str, Any]:
    """Hand a request over, in parts that threads make, and return the answer; the process has ended then."""
    complaint = asyncio.ensure_future(_read(process.stderr))
    parts = json_parts(request)
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it says why on stderr
            while part := await run_in(FILES, next, parts, b""):
                process.stdin.write(part)
                await process.stdin.drain()
            process.stdin.close()
    said = await _read(process.stdout)
    code = await process.wait()
    last = (await complaint).decode(errors="replace").strip().splitlines()[-1:]
    if code or not said:
        message = f"The process for large notebooks ended with {code}: {''.join(last)}"
        raise RuntimeError(message)
    answer: dict[str, Any] = json.loads(said)
    return answer


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream is not None else b""
