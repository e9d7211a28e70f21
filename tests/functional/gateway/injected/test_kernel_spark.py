"""What the helper in sparkmagic's kernels does with a statement that an interrupt shall stop."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

from jupyter_emr_connect.gateway.injected import kernel_spark
from jupyter_emr_connect.gateway.injected.kernel_spark import Cell

CODE = "spark.range(10)"


class Livy:
    """A Livy session with one statement. ``script`` is what each cancel does: an error, or the states after it."""

    def __init__(self, state: str = "running", *, session: str = "busy", script: Any = ()) -> None:
        self.state, self.session, self.script = state, session, iter(script)
        self.id, self.cancels = 7, 0
        self.output: Any = None
        self.http_client = self._http_client = self

    def post_statement(self, session_id: int, data: dict[str, str]) -> dict[str, int]:
        return {"id": 3}

    def get_statement(self, session_id: int, number: int) -> dict[str, Any]:
        assert (session_id, number) == (7, 3)
        return {"state": self.state, "output": self.output}

    def get_session(self, session_id: int) -> dict[str, str]:
        now, self.session = self.session, "idle" if self.state == "cancelled" else self.session
        return {"state": now}

    def get(self, url: str, accepted: list[int]) -> Livy:
        assert url == "/sessions/7/statements"
        return self

    def json(self) -> dict[str, Any]:
        return {"statements": [{"id": 2, "state": "available"}, {"id": 3, "state": self.state, "code": CODE}]}

    def post(self, url: str, accepted: list[int], data: dict[str, str]) -> None:
        assert url == "/sessions/7/statements/3/cancel"
        self.cancels += 1
        answer = next(self.script, "cancelled")
        if isinstance(answer, BaseException):
            raise answer
        self.state = answer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_spark, "ASK_EVERY_S", 0.0)


def posted(livy: Livy) -> Cell:
    cell = Cell(CODE, livy)
    cell.post(livy.post_statement, 7, {"code": CODE})
    return cell


def test_a_running_statement_is_cancelled_until_the_session_is_idle(capsys: pytest.CaptureFixture[str]) -> None:
    livy = Livy()
    assert posted(livy).stop()
    assert (livy.cancels, livy.session) == (1, "idle")
    assert capsys.readouterr().err == kernel_spark.CANCELLED


def test_what_it_had_printed_is_shown_where_livy_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    livy = Livy()
    livy.output = {"status": "ok", "data": {"text/plain": "1\n2"}}
    assert posted(livy).stop()
    assert tuple(capsys.readouterr()) == ("1\n2\n", kernel_spark.CANCELLED)


def test_what_livy_does_not_pass_on_is_said_to_be_lost(capsys: pytest.CaptureFixture[str]) -> None:
    livy = Livy()
    livy.output = {"status": "error", "ename": "KeyboardInterrupt", "evalue": "", "traceback": []}
    assert posted(livy).stop()
    assert tuple(capsys.readouterr()) == ("", kernel_spark.CANCELLED + kernel_spark.PRINTED_LOST)


def test_a_statement_that_ended_by_itself_is_not_said_to_be_cancelled(capsys: pytest.CaptureFixture[str]) -> None:
    livy = Livy("available", session="idle")
    livy.output = {"status": "ok", "data": {"text/plain": "42"}}
    assert posted(livy).stop()
    assert tuple(capsys.readouterr()) == ("42\n", kernel_spark.ENDED_ITSELF)


def test_what_sparkmagic_has_cancelled_is_not_cancelled_again() -> None:
    livy = Livy("cancelling", session="idle")
    cell = posted(livy)
    livy.state = "cancelled"
    assert cell.stop()
    assert livy.cancels == 0


def test_a_livy_that_fails_is_asked_again() -> None:
    livy = Livy(script=[OSError("refused"), OSError("refused")])
    assert posted(livy).stop()
    assert livy.cancels == 3


def test_a_statement_whose_number_was_not_heard_is_found_by_its_code() -> None:
    livy = Livy()

    def interrupted(session_id: int, data: dict[str, str]) -> None:
        raise KeyboardInterrupt

    cell = Cell(CODE, livy)
    with pytest.raises(KeyboardInterrupt):
        cell.post(interrupted, 7, {"code": CODE})
    assert cell.stop()
    assert livy.cancels == 1


def test_another_ones_statement_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_spark, "STOP_WITHIN_S", 0.2)
    livy = Livy()
    cell = Cell("other code", livy)
    cell.posting = True
    cell.stop()
    assert livy.cancels == 0


def test_an_interrupt_before_anything_was_posted_cancels_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    livy = Livy()
    assert Cell(CODE, livy).stop()
    assert livy.cancels == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (["cancelling"], "is still being cancelled on the cluster (statement 3 of Livy session 7)"),
        ([KeyboardInterrupt()], "is still being cancelled"),
        (
            [OSError("no route to Livy")] * 10_000_000,
            "could not be cancelled on the cluster (statement 3 of Livy session 7): no route",
        ),
    ],
)
def test_what_does_not_stop_in_time_is_said(
    script: Iterable[Any], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kernel_spark, "STOP_WITHIN_S", 0.2)
    assert not posted(Livy(script=script)).stop()
    assert says in capsys.readouterr().err


def test_a_session_that_is_busy_yet_has_not_stopped_whatever_the_statement_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Livy calls a statement cancelled half a minute after it was asked to, also one that goes on."""

    class Stuck(Livy):
        def get_session(self, session_id: int) -> dict[str, str]:
            return {"state": "busy"}

    monkeypatch.setattr(kernel_spark, "STOP_WITHIN_S", 0.2)
    assert not posted(Stuck()).stop()
    assert "still being cancelled" in capsys.readouterr().err


def test_the_progress_bar_of_a_cell_is_closed_whatever_comes_of_it() -> None:
    class Bar:
        closed = False

        def close(self) -> None:
            self.closed = True

    class Module:
        FloatProgress = Bar

    module, running = Module(), [posted(Livy())]
    kernel_spark.note_bars(module, running)
    bar = module.FloatProgress()
    running[0].close_bar()
    assert bar.closed
    running.pop().close_bar()
    assert not module.FloatProgress().closed  # made for no cell
    Cell(CODE, Livy()).close_bar()


def test_where_nobody_shows_widgets_sparkmagic_makes_and_shows_none() -> None:
    """As in papermill, which keeps what a bar says of itself, and its widgets' states, in the notebook."""
    made: list[str] = []

    def maker(name: str) -> Any:
        return lambda **options: made.append(name) or name

    command = SimpleNamespace(emr_connect_bars=False)
    module = SimpleNamespace(Command=command, FloatProgress=maker("bar"), Layout=maker("layout"))

    def make() -> Any:  # as sparkmagic 0.21 does
        return module.FloatProgress(value=0.0, layout=module.Layout(width="50%"))

    running = [posted(Livy())]
    kernel_spark.note_bars(module, running)
    kernel_spark.hide_bars(module)
    bar = make()
    bar.value = 0.5
    assert DisplayFormatter().format(bar) == ({}, {})
    bar.close()
    running[0].close_bar()
    assert made == []
    command.emr_connect_bars = True
    assert make() == "bar"
    assert made == ["layout", "bar"]


def test_a_kernel_without_sparkmagic_stays_as_it_is() -> None:
    assert kernel_spark.install() == "nothing to watch"
