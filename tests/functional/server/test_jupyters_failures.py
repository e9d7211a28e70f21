"""A kernel that does not start or restart: Jupyter's own routes say why, and the log has it on one line."""

from __future__ import annotations

import inspect
import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.services.kernels.handlers import KernelActionHandler
from tornado.httpclient import HTTPClientError

from jupyter_emr_connect.errors import KernelStartFailed
from jupyter_emr_connect.server.routes.jupyters_failures import our_cause

KERNELS = Path(__file__).parents[3] / "kernels"
SESSION = {"path": "work/n.ipynb", "name": "n.ipynb", "type": "notebook", "kernel": {"name": "emr-python"}}


class Lines(logging.Handler):
    """What is logged, one entry for each line."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += self.format(record).splitlines()


@pytest.fixture
def log(jp_serverapp: Any) -> Iterator[Lines]:
    lines = Lines()
    loggers = [jp_serverapp.log, *map(logging.getLogger, ("tornado.application", "tornado.general", "asyncio"))]
    for logger in loggers:
        logger.addHandler(lines)
    yield lines
    for logger in loggers:
        logger.removeHandler(lines)


@pytest.fixture
def refused(cloud: Any, jp_fetch: Any, jp_data_dir: Path) -> Any:
    """Ask one of Jupyter's routes, which answers with a failure: its status and its body."""
    shutil.copytree(KERNELS / "emr-python", jp_data_dir / "kernels" / "emr-python")

    async def ask(*path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        with pytest.raises(HTTPClientError) as caught:
            await jp_fetch("api", *path, method="POST", body=json.dumps(body))
        assert caught.value.response is not None
        return caught.value.code, json.loads(caught.value.response.body)

    return ask


@pytest.mark.parametrize(
    ("path", "body"), [("sessions", SESSION), ("kernels", {"name": "emr-python"})], ids=["session", "kernel alone"]
)
async def test_a_start_that_the_user_can_mend_is_no_error_of_the_server(
    path: str, body: Any, refused: Any, log: Lines
) -> None:
    status, answer = await refused(path, body=body)
    assert (status, answer["code"]) == (404, "not-attached")
    assert "jupyter emr attach" in answer["message"]
    assert answer["fix"] in answer["message"]
    said = [line for line in log.lines if f"POST /a%40b/api/{path}" not in line]  # beside the line of the request
    assert len(said) == 1, said
    assert answer["message"] in said[0]


@pytest.mark.skipif(
    "HTTPError" not in inspect.getsource(KernelActionHandler.post),
    reason="this jupyter_server keeps the failure to itself",
)
async def test_a_restart_that_fails_says_why(
    refused: Any, jp_serverapp: Any, log: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(kernel_id: str) -> None:
        message = "The gateway is full."
        raise KernelStartFailed(message, fix="Shut a kernel down.")

    monkeypatch.setattr(jp_serverapp.kernel_manager, "restart_kernel", fail)
    status, answer = await refused("kernels", "0-0-0-0-0", "restart")
    assert (status, answer["message"]) == (424, "The gateway is full. Shut a kernel down.")
    assert (answer["code"], answer["fix"]) == ("kernel-start-failed", "Shut a kernel down.")
    assert "Traceback" not in "".join(log.lines)


async def test_other_failures_stay_jupyters_own(
    refused: Any, jp_serverapp: Any, log: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(kernel_id: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(jp_serverapp.kernel_manager, "restart_kernel", fail)
    status, answer = await refused("kernels", "0-0-0-0-0", "restart")
    assert (status, answer["message"]) == (500, "Exception restarting kernel")
    assert "Exception restarting kernel" in "".join(log.lines)
    status, answer = await refused("sessions", body={**SESSION, "kernel": {"name": "no-such-kernel"}})
    assert (status, answer["short_message"]) == (501, "no-such-kernel not found")


def test_the_cause_is_found_behind_what_jupyter_makes_of_it() -> None:
    ours, other = KernelStartFailed("no"), RuntimeError("failed")
    other.__cause__ = ours
    assert our_cause(other) is ours
    assert our_cause(ours) is ours
    assert our_cause(None) is None
    ours.__context__ = other  # as a loop of retries leaves them
    assert our_cause(ValueError()) is None
