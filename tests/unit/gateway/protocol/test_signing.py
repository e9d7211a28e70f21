"""What goes to local clients is signed as jupyter_client signs; what comes from them is checked as it checks."""

from __future__ import annotations

import pytest
from jupyter_client.session import Session

from jupyter_emr_connect.gateway.protocol.framing import BadFrame
from jupyter_emr_connect.gateway.protocol.signing import MessageSigner

KEY = b"a key of the kernel"


@pytest.mark.parametrize("scheme", ["hmac-sha256", "hmac-sha512"])
def test_jupyter_client_reads_what_we_sign(scheme: str) -> None:
    wire, session = MessageSigner(KEY, scheme), Session(key=KEY, signature_scheme=scheme)
    made = wire.make("iopub", "status", {"execution_state": "idle"}, b'{"msg_id": "1"}')
    frames = [bytes(part) for part in wire.pack(made, (b"topic",))]
    identities, parts = session.feed_identities(frames)
    message = session.deserialize(parts)
    assert identities == [b"topic"]
    assert message["content"] == {"execution_state": "idle"}
    assert message["parent_header"] == {"msg_id": "1"}


def test_we_read_what_jupyter_client_signs() -> None:
    session = Session(key=KEY)
    frames = session.serialize(session.msg("execute_request", {"code": "1"}), ident=b"me")
    identities, message = MessageSigner(KEY).unpack([*frames, b"buffer"], "shell")
    assert identities == [b"me"]
    assert message.msg_type == "execute_request"
    assert list(message.buffers) == [b"buffer"]


@pytest.mark.parametrize("part", [1, 2, 3, 4, 5])
def test_a_changed_part_is_refused(part: int) -> None:
    frames = Session(key=KEY).serialize(Session(key=KEY).msg("execute_request", {"code": "1"}))
    frames[part] = frames[part][:-1] + b" "
    with pytest.raises(BadFrame, match="signature"):
        MessageSigner(KEY).unpack(frames, "shell")


@pytest.mark.parametrize("frames", [[], [b"x"], [b"<IDS|MSG>"], [b"<IDS|MSG>", b"", b"{}"]])
def test_missing_parts_are_refused(frames: list[bytes]) -> None:
    with pytest.raises(BadFrame, match="missing"):
        MessageSigner(KEY).unpack(frames, "shell")


def test_without_a_key_nothing_is_signed_or_checked() -> None:
    session = Session(key=b"")
    frames = session.serialize(session.msg("kernel_info_request"))
    _, message = MessageSigner(b"").unpack(frames, "shell")
    assert message.msg_type == "kernel_info_request"
