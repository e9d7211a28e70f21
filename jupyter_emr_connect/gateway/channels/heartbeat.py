"""The heartbeat of a kernel that is a process: front ends take one that answers late for dead."""

from __future__ import annotations

import errno
import threading

import zmq


class Heartbeat:
    """Echoes what is sent to ``port``, as ipykernel does: in a thread that is in libzmq and needs no Python.

    So it answers at once also while the interpreter is busy. Raises ``zmq.ZMQError`` for a port that is taken.
    """

    def __init__(self, ip: str, port: int) -> None:
        self.port = port
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        socket = self._context.socket(zmq.ROUTER)
        try:
            socket.bind(f"tcp://{ip}:{port}")
        except zmq.ZMQError:
            self._context.destroy(linger=0)
            raise
        threading.Thread(target=_echo, args=(socket,), name="emr-connect-heartbeat", daemon=True).start()

    def close(self) -> None:
        """Let go of the port; its thread ends."""
        self._context.term()


def _echo(socket: zmq.Socket[bytes]) -> None:
    """Send back what comes until the socket's context is ended; the thread's work."""
    while True:
        try:
            zmq.proxy(socket, socket)
        except zmq.ZMQError as error:
            if error.errno != errno.EINTR:
                break
    socket.close(linger=0)
