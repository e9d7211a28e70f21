"""Running starts: listed while they run, cancelled unless they are restarts."""

from __future__ import annotations

from jupyter_emr_connect.services.kernels.starts import RunningStart, cancel_start, running_starts
from jupyter_emr_connect.services.stages import CONNECTION_RETURNS, GATEWAY, LIVY, READY


def test_a_start_is_listed_with_its_stage_while_it_runs() -> None:
    start = RunningStart("local")
    with start.listed("emr-python"):
        assert start in running_starts()
        assert [start.to_json()[name] for name in ("stage", "step", "steps")] == ["credentials", 1, 4]
        for stage in (GATEWAY, LIVY):
            start.enter(stage)
            assert start.to_json()["step"] == 2
        start.enter(READY)
        assert start.to_json()["step"] == 4
        start.enter(CONNECTION_RETURNS)
        assert start.to_json()["step"] is None
    assert start not in running_starts()


def test_a_start_can_be_cancelled_and_a_restart_cannot() -> None:
    cancelled: list[str] = []
    new = RunningStart("new", lambda: cancelled.append("new"))
    with new.listed("emr-python"), RunningStart("old").listed("emr-python"):
        assert cancel_start("new")
        assert new.was_cancelled
        assert not cancel_start("old")
        assert not cancel_start("unknown")
        assert not cancel_start(None)
    assert cancelled == ["new"]
    assert not cancel_start("new")


def test_a_later_start_of_the_same_kernel_stays_listed_when_the_earlier_ends() -> None:
    earlier, later = RunningStart("local").listed("emr-python"), RunningStart("local")
    earlier.__enter__()
    with later.listed("emr-python"):
        earlier.__exit__(None, None, None)
        assert later in running_starts()
