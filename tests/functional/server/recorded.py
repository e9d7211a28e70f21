"""A gateway kernel's messages as its bridge tells them, in a real Jupyter server with a notebook."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_emr_connect.gateway.protocol.framing import Message
from jupyter_emr_connect.server.kernels.websocket import PROVISIONER, RECORDER
from jupyter_emr_connect.server.recording import writer
from tests.functional.server import small_kernel

GATEWAY_KERNEL = str(uuid.uuid4())


class Kernel:
    """What a gateway kernel's bridge tells its observer, in the ids that ipykernel gives."""

    def __init__(self, observer: Any, session: str) -> None:
        self.observer = observer
        self.session = session
        self.ws: Any = None
        self.number = 0
        self.parent: dict[str, Any] = {}

    def _message(self, channel: str, msg_type: str, msg_id: str, content: Any, metadata: Any, session: str) -> Message:
        header = {"msg_id": msg_id, "msg_type": msg_type, "session": session}
        parts = (header, self.parent if channel == "iopub" else {}, metadata, content)
        return Message(channel, *(json.dumps(part).encode() for part in parts))

    def run(self, code: str, cell_id: str | None = None, **content: Any) -> str:
        msg_id = uuid.uuid4().hex
        metadata = {"cellId": cell_id} if cell_id else {}
        content = {"code": code, "silent": False} | content
        request = self._message("shell", "execute_request", msg_id, content, metadata, self.session)
        self.parent = request.head
        self.observer.requested(request)
        return msg_id

    def publish(self, msg_type: str, number: int | None = None, **content: Any) -> None:
        self.number = number or self.number + 1
        self.observer.published(self._message("iopub", msg_type, f"kernel_1_{self.number}", content, {}, "kernel"))

    def write(self, text: str) -> None:
        self.publish("stream", name="stdout", text=text)

    def end(self, count: int = 1) -> None:
        self.publish("execute_input", code="", execution_count=count)
        self.publish("status", execution_state="idle")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "GRACE_S", 0.3)
    monkeypatch.setattr(writer, "WRITE_EVERY_S", 0.1)
    monkeypatch.setattr(writer, "RETRY_EVERY_S", 0.5)


@pytest.fixture
def path(jp_root_dir: Path) -> Path:
    path = jp_root_dir / "n.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("one", id="c1"), new_code_cell("two", id="c2")]), path)
    return path


@pytest.fixture
def small(jp_data_dir: Path) -> str:
    """The name of a kernelspec whose kernel starts quickly and runs nothing."""
    folder = jp_data_dir / "kernels" / "small"
    folder.mkdir(parents=True)
    spec = {"argv": [sys.executable, small_kernel.__file__, "{connection_file}"], "display_name": "Small"}
    (folder / "kernel.json").write_text(json.dumps(spec | {"language": "python"}))
    return folder.name


@pytest.fixture
def local(cloud: Any, small: str, jp_asyncio_loop: Any, jp_fetch: Any, jp_serverapp: Any, path: Path) -> Iterator[str]:
    """A session of the notebook; a local kernel stands for the gateway's, and its kernelspec for one of ours."""
    body = {"path": "n.ipynb", "name": "n.ipynb", "type": "notebook", "kernel": {"name": small}}
    run = jp_asyncio_loop.run_until_complete
    answer = run(jp_fetch("api", "sessions", method="POST", body=json.dumps(body)))
    kernel_id = json.loads(answer.body)["kernel"]["id"]
    spec = jp_serverapp.kernel_manager.get_kernel(kernel_id).kernel_spec
    spec.metadata["kernel_provisioner"] = {"provisioner_name": PROVISIONER}
    yield kernel_id
    run(jp_fetch("api", "kernels", kernel_id, method="DELETE"))


@pytest.fixture
def recorder(jp_serverapp: Any) -> Any:
    return jp_serverapp.web_app.settings[RECORDER]


@pytest.fixture
def kernel(quick: None, local: str, recorder: Any, jp_asyncio_loop: Any, jp_ws_fetch: Any) -> Iterator[Kernel]:
    """The gateway kernel's messages, and the WebSocket of the front end that asks for them."""

    async def made() -> Kernel:
        kernel = Kernel(recorder.attach(local)(GATEWAY_KERNEL, lambda *_: None), uuid.uuid4().hex)
        kernel.ws = await jp_ws_fetch("api", "kernels", local, "channels", params={"session_id": kernel.session})
        await until(lambda: kernel.session in kernel.observer.sessions and recorder.writer_of(local).documents.paths)
        return kernel

    kernel = jp_asyncio_loop.run_until_complete(made())
    yield kernel
    kernel.ws.close()


async def until(holds: Any, within: float = 30) -> Any:
    """Wait until ``holds()`` is true and return its value; a notebook that is just being written is looked at again."""
    end = time.monotonic() + within
    while True:
        try:
            if value := holds():
                return value
        except (nbformat.reader.NotJSONError, FileNotFoundError):
            pass  # The contents manager empties a file before it writes it, or it is just being put back.
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def read(path: Path) -> Any:
    """Read a notebook that a server writes on this loop."""
    return await until(lambda: nbformat.read(path, as_version=4))


def shown(path: Path, cell: int = 0) -> str:
    try:
        outputs = nbformat.read(path, as_version=4).cells[cell].outputs
    except (nbformat.reader.NotJSONError, FileNotFoundError):
        # The contents manager, on this loop, empties a file before it writes it, or it is just being put back.
        return ""
    return "".join(output.get("text", "") for output in outputs)
