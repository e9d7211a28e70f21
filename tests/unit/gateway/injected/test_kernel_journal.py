"""The journal on a real ``jupyter_client`` session, as in a kernel's process."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from jupyter_emr_connect.gateway.delivery import journal
from jupyter_emr_connect.gateway.injected.kernel_journal import REQUEST, Journal
from jupyter_emr_connect.gateway.protocol.framing import BadFrame, Message
from jupyter_emr_connect.gateway.protocol.numbering import split


class Kernel:
    """What of a kernel the journal touches: its session, and who handles control requests."""

    def __init__(self) -> None:
        self.session = Session(key=b"k")
        self.control_handlers: dict[str, Any] = {}


class Line:
    """A pair of sockets: what the kernel sends goes one way, and is read at the other."""

    def __init__(self, limit: int) -> None:
        self.kernel = Kernel()
        self.context = zmq.Context()
        self.out, self.into = self.context.socket(zmq.PAIR), self.context.socket(zmq.PAIR)
        self.into.bind("inproc://line")
        self.out.connect("inproc://line")
        Journal(self.kernel, limit).install()

    def send(self, msg_type: str = "stream", parent: dict[str, Any] | None = None, **content: Any) -> str:
        sent: dict[str, Any] = self.kernel.session.send(self.out, msg_type, content, parent=parent, ident=b"topic")
        return str(sent["msg_id"])

    def received(self) -> list[list[bytes]]:
        found = []
        while self.into.poll(100):
            found.append(self.into.recv_multipart())
        return found

    def ask(
        self, known: dict[str, int], missing: dict[str, Any], *requests: str, most: int = 10**7
    ) -> journal.JournalAnswer:
        self.received()
        content = {**journal.question(known, missing, requests), "most": most}
        self.kernel.control_handlers[REQUEST](self.out, [b"who"], {"content": content, "header": {"msg_id": "q"}})
        (frames,) = self.received()
        who, _, _, header, parent, metadata, answer, *buffers = frames
        assert who == b"who"
        return journal.read(Message("control", header, parent, metadata, answer, buffers))


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line(100_000)
    yield made
    made.context.destroy(linger=0)


def prefix(line: Line) -> str:
    return split(line.send())[0]


def test_what_did_not_arrive_is_given_back_as_it_was_sent(line: Line) -> None:
    ids = [line.send(text=f"{n}") for n in range(10)]
    sent = [frames[3:] for frames in line.received()]
    name, first = split(ids[0])
    replay = line.ask({name: first + 7}, {name: [(first + 2, first + 3)]})
    assert [one.msg_id for one in replay.messages] == [ids[2], ids[3], ids[8], ids[9]]
    given = [
        [bytes(part) for part in (one.header, one.parent_header, one.metadata, one.content)] for one in replay.messages
    ]
    assert given == [sent[n] for n in (2, 3, 8, 9)]
    assert (replay.lost, replay.more) == ([], False)


def test_buffers_come_back_too(line: Line) -> None:
    line.kernel.session.send(line.out, "comm_msg", {}, buffers=[b"\0\1", memoryview(b"abc")])
    assert [bytes(one) for one in line.ask({}, {}).messages[0].buffers] == [b"\0\1", b"abc"]


def test_what_was_let_go_is_said_to_be_lost(line: Line) -> None:
    ids = [line.send(text="x" * 10_000) for _ in range(30)]
    name, first = split(ids[0])
    replay = line.ask({name: first + 1}, {})
    kept = [split(one.msg_id)[1] for one in replay.messages]
    assert kept == list(range(kept[0], first + 30))
    assert 5 < len(kept) < 12
    assert replay.lost == [(name, first + 2, kept[0] - 1)]
    assert line.kernel.emr_connect_journal.size <= 100_000  # type: ignore[attr-defined]


def test_one_that_is_larger_than_the_journal_is_lost_alone(line: Line) -> None:
    before, large, after = line.send(text="a"), line.send(text="x" * 200_000), line.send(text="b")
    name, number = split(large)
    replay = line.ask({name: number - 2}, {})
    assert [one.msg_id for one in replay.messages] == [before, after]
    assert replay.lost == [(name, number, number)]


def test_much_is_given_in_parts(line: Line) -> None:
    ids = [line.send(text="x" * 1000) for _ in range(20)]
    name, first = split(ids[0])
    replay = line.ask({name: first - 1}, {}, most=5000)
    assert replay.more
    assert [one.msg_id for one in replay.messages] == ids[: len(replay.messages)]
    assert 0 < len(replay.messages) < 10


def test_it_knows_what_became_of_requests(line: Line) -> None:
    def status(msg_id: str, state: str) -> None:
        parent = {"header": {"msg_id": msg_id, "msg_type": "execute_request"}, "metadata": {"cellId": "c"}}
        line.send("status", parent, execution_state=state)

    for msg_id, state in (("one", "busy"), ("one", "idle"), ("two", "busy")):
        status(msg_id, state)
    assert line.ask({}, {}, "one", "two", "three").handled == {"one": "idle", "two": "busy"}


def test_what_it_answers_is_not_kept_to_be_answered_again(line: Line) -> None:
    line.send(text="a")
    assert len(line.ask({}, {}).messages) == len(line.ask({}, {}).messages) == 1


def own_message(**header: str) -> dict[str, Any]:
    """Return a message that a library makes itself, instead of having the session do so."""
    return {"header": {"msg_type": "x", **header}, "content": {}, "parent_header": {}, "metadata": {}, **header}


@pytest.mark.parametrize("msg_id", ["strange", f"a_{'9' * 5000}", "a_b"], ids=["no number", "too long", "a word"])
def test_a_message_without_a_number_is_passed_over(line: Line, msg_id: str) -> None:
    before = line.send(text="a")
    line.kernel.session.send(line.out, own_message(msg_id=msg_id))
    after = line.send(text="b")
    assert [one.msg_id for one in line.ask({}, {}).messages] == [before, after]


def test_a_message_that_it_cannot_understand_ends_it_and_not_the_kernel(line: Line) -> None:
    line.kernel.session.send(line.out, own_message())
    assert REQUEST not in line.kernel.control_handlers
    line.send(text="still there")
    assert len(line.received()) == 2


def test_it_runs_on_the_oldest_python_that_emr_has() -> None:
    source = files("jupyter_emr_connect.gateway.injected").joinpath("kernel_journal.py").read_text()
    ast.parse(source, feature_version=(3, 7))


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"lengths": [9], "lost": [], "session": "", "handled": {}, "more": false}'],
)
def test_an_answer_that_makes_no_sense_is_none(content: bytes) -> None:
    answer = Message("control", b"{}", b"{}", b"{}", content, [b"x"])
    assert journal.read_if_any(answer) is None
    with pytest.raises(BadFrame):
        journal.read(answer)
