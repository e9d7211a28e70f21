"""An EMR Serverless application is started before a session, or it is said in plain words why it is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import AccessDenied, EMRConnectError, NotAttachable
from jupyter_emr_connect.services.attachments import starting
from jupyter_emr_connect.services.attachments.starting import ensure_started
from jupyter_emr_connect.services.compute.lookup import find
from tests.functional.conftest import Cloud

REFUSED: list[tuple[str, str]] = []  # the error's code and message with which AWS refuses a start, if it does


@pytest.fixture
def before_front() -> Callable[[Any], Any]:
    """Have starts refused where a test says so."""
    REFUSED.clear()

    def wrap(front: Any) -> Any:
        def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            if not (REFUSED and environ["PATH_INFO"].endswith("/start")):
                answered: Iterable[bytes] = front(environ, start_response)
                return answered
            code, message = REFUSED[0]
            start_response("402 Refused", [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)])
            return [json.dumps({"message": message}).encode()]

        return answer

    return wrap


async def start(cloud: Cloud, state: str, monkeypatch: pytest.MonkeyPatch, minutes: int = 15) -> list[str]:
    """Ask for `interactive` to be started from a state; returns what the user is told, and what of it stays last."""
    monkeypatch.setattr(starting, "FIRST_PAUSE_S", 0.01)
    config, told = EMRConnect(), list[str]()
    compute = find(config, "interactive")
    (application,) = [spec for spec in cloud.world.applications.values() if spec.name == "interactive"]
    cloud.world.applications[application.id] = replace(application, state=state, auto_stop_minutes=minutes)
    stays = await ensure_started(config, compute, lambda word, seconds: told.append(word))
    return [*told, stays]


@pytest.mark.slow
async def test_a_stopped_application_is_started(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await start(cloud, "STOPPED", monkeypatch)
    assert told[0] == "application STOPPED"
    assert told[-1].startswith("Application interactive was started in ")
    assert told[-1].endswith(" s; it stops by itself after 15 min without work.")
    assert cloud.calls("StartApplication") == 1
    assert await start(cloud, "STARTED", monkeypatch) == [""]
    assert cloud.calls("StartApplication") == 1
    assert "never" in (await start(cloud, "CREATED", monkeypatch, 0))[-1]


CASES: list[tuple[str, tuple[str, str] | None, type[EMRConnectError], str]] = [
    ("TERMINATED", None, NotAttachable, "did not start: it is TERMINATED"),
    ("STOPPED", ("ServiceQuotaExceededException", "vCPU limit"), NotAttachable, "quota is used up: .*vCPU limit"),
    ("STOPPED", ("AccessDeniedException", "not authorized"), AccessDenied, "is stopped, and you may not start it"),
]


async def test_an_application_that_cannot_start_says_why(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for state, refusal, error, words in CASES:
        REFUSED[:] = [refusal] if refusal else []
        with pytest.raises(error, match=words) as raised:
            await start(cloud, state, monkeypatch)
        assert raised.value.fix
