"""The local side's form of a message: ZeroMQ frames signed with the kernel's key (Jupyter messaging protocol 5)."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from .framing import BadFrame, Message, Part

DELIMITER = b"<IDS|MSG>"
PROTOCOL_VERSION = "5.3"
EMPTY = b"{}"


class MessageSigner:
    """Signs what goes out, verifies what comes in, and builds the few messages that this package itself sends.

    ``key`` is the connection file's; empty means that the user switched signing off. ``scheme`` is ``hmac-<digest>``.
    """

    def __init__(self, key: bytes, scheme: str = "hmac-sha256") -> None:
        digest = getattr(hashlib, scheme.removeprefix("hmac-"))
        self._hmac = hmac.new(key, digestmod=digest) if key else None
        self.session = uuid.uuid4().hex
        self._count = 0

    def sign(self, parts: Sequence[Part]) -> bytes:
        """Return the signature frame for header, parent header, metadata and content."""
        if self._hmac is None:
            return b""
        signature = self._hmac.copy()
        for part in parts:
            signature.update(part)
        return signature.hexdigest().encode("ascii")

    def pack(self, message: Message, identities: Sequence[Part]) -> list[Part]:
        """Return the ZeroMQ frames of a message for the peer (or the topic) in ``identities``."""
        parts = (message.header, message.parent_header, message.metadata, message.content)
        return [*identities, DELIMITER, self.sign(parts), *parts, *message.buffers]

    def unpack(self, frames: list[bytes], channel: str) -> tuple[list[bytes], Message]:
        """Return identities and message; raises :class:`BadFrame` for a malformed one or a wrong signature."""
        try:
            at = frames.index(DELIMITER)
            signature, header, parent, metadata, content = frames[at + 1 : at + 6]
        except ValueError as error:
            text = "a message with parts missing"
            raise BadFrame(text) from error
        if self._hmac is not None and not hmac.compare_digest(
            signature, self.sign((header, parent, metadata, content))
        ):
            text = "a message with a wrong signature"
            raise BadFrame(text)
        return frames[:at], Message(channel, header, parent, metadata, content, frames[at + 6 :])

    def make(self, channel: str, msg_type: str, content: dict[str, Any], parent: Part = EMPTY) -> Message:
        """Return a message of this package's own; ``parent`` is the header that it answers."""
        self._count += 1
        header = {
            "msg_id": f"{self.session}_{self._count}",
            "msg_type": msg_type,
            "username": "emr-connect",
            "session": self.session,
            "date": datetime.now(timezone.utc).isoformat(),
            "version": PROTOCOL_VERSION,
        }
        return Message(channel, json.dumps(header).encode(), parent, EMPTY, json.dumps(content).encode())
