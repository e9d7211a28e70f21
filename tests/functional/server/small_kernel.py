"""A kernel that runs nothing: it says who it is and shuts down. It starts in a fifth of ipykernel's time.

``python small_kernel.py CONNECTION_FILE``; the kernelspec in ``recorded.py`` starts it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import zmq

DELIMITER = b"<IDS|MSG>"
INFO = {
    "status": "ok",
    "protocol_version": "5.3",
    "implementation": "small",
    "implementation_version": "1",
    "language_info": {"name": "python", "version": "3", "mimetype": "text/x-python", "file_extension": ".py"},
    "banner": "",
    "help_links": [],
}


class Wire:
    """Signs and sends the messages of Jupyter's protocol."""

    def __init__(self, key: str) -> None:
        self.key = key.encode()
        self.session = uuid.uuid4().hex

    def send(self, socket: zmq.Socket[bytes], to: list[bytes], msg_type: str, parent: Any, content: Any) -> None:
        """Send one message as the answer to the header ``parent``."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": msg_type, "session": self.session, "version": "5.3"}
        header |= {"username": "kernel", "date": "2026-01-01T00:00:00Z"}
        parts = [json.dumps(part).encode() for part in (header, parent, {}, content)]
        signature = hmac.new(self.key, b"".join(parts), hashlib.sha256).hexdigest().encode()
        socket.send_multipart([*to, DELIMITER, signature, *parts])


def serve(connection: dict[str, Any]) -> None:
    """Answer on the ports of a connection file until a request for shutdown."""
    context, poller, wire = zmq.Context(), zmq.Poller(), Wire(connection["key"])

    def bound(kind: int, name: str) -> zmq.Socket[bytes]:
        socket = context.socket(kind)
        socket.bind(f"tcp://{connection['ip']}:{connection[name + '_port']}")
        return socket

    iopub, heart = bound(zmq.PUB, "iopub"), bound(zmq.REP, "hb")
    asked = [bound(zmq.ROUTER, "shell"), bound(zmq.ROUTER, "control"), bound(zmq.ROUTER, "stdin")]
    for socket in (heart, *asked):
        poller.register(socket, zmq.POLLIN)
    while True:
        for socket, _ in poller.poll():
            frames = socket.recv_multipart()
            if socket is heart:
                socket.send_multipart(frames)
                continue
            at = frames.index(DELIMITER)
            parent = json.loads(frames[at + 2])
            kind = parent["msg_type"].removesuffix("_request")
            wire.send(iopub, [b"status"], "status", parent, {"execution_state": "busy"})
            content = INFO if kind == "kernel_info" else {"status": "ok", "restart": False}
            wire.send(socket, frames[:at], f"{kind}_reply", parent, content)
            wire.send(iopub, [b"status"], "status", parent, {"execution_state": "idle"})
            if kind == "shutdown":
                context.destroy(linger=1000)
                return


if __name__ == "__main__":
    serve(json.loads(Path(sys.argv[1]).read_text()))
