"""Starting an EMR Serverless application before a session that needs it: Livy's endpoint does not (reference 3.2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ...aws import emr_serverless
from ...aws.errors import error_code
from ...config import EMRConnect
from ...errors import AccessDenied, AWSError, NotAttachable
from ...executors import AWS, run_in
from ...http.backoff import Backoff
from ...models import Compute
from ..credentials.aws_sessions import session_of

FIRST_PAUSE_S, LAST_PAUSE_S = 1.0, 5.0  # GetApplication's rate is the account's
TO_BE_STARTED = ("CREATED", "STOPPED")


async def ensure_started(config: EMRConnect, compute: Compute, tell: Callable[[str, float], None]) -> str:
    """Return once an application takes sessions; one that is stopped is started. Other computes are as they are.

    ``tell`` is given its state and the seconds since the wait began. Returns what there is to say of one that was
    started for it: when it stops by itself. Raises ``NotAttachable`` when it does not start
    in ``session_timeout`` seconds, and ``AWSError``.
    """
    if compute.kind != "serverless":
        return ""
    began, pauses, asked = time.monotonic(), Backoff(FIRST_PAUSE_S, LAST_PAUSE_S), False
    while True:
        application = await run_in(AWS, _application, config, compute)
        state, seconds = application.state if application else "deleted", time.monotonic() - began
        if application is not None and state == "STARTED":
            return _started(application, seconds) if asked else ""
        if state in TO_BE_STARTED and not asked:
            await run_in(AWS, _start, config, compute)
            asked = True
        elif state not in ("STARTING", "STOPPING", "CREATING", *TO_BE_STARTED) or seconds > config.session_timeout:
            message = f"Application {compute.name!r} ({compute.id}) did not start: it is {state} after {seconds:.0f} s."
            raise NotAttachable(message, fix="See its capacity limits and network in EMR Studio's applications page.")
        tell(f"application {state}", seconds)
        await asyncio.sleep(pauses.next())


def _application(config: EMRConnect, compute: Compute) -> emr_serverless.Application | None:
    """Return the application as it is now; blocks on AWS."""
    return emr_serverless.get_application(session_of(config, compute), compute.id)


def _started(application: emr_serverless.Application, seconds: float) -> str:
    minutes = application.auto_stop_minutes
    ends = f"after {minutes} min without work" if minutes else "never, and costs what it keeps ready: stop it after use"
    return (
        f"Application {application.name or application.id} was started in {seconds:.0f} s; it stops by itself {ends}."
    )


def _start(config: EMRConnect, compute: Compute) -> None:
    """Ask AWS to start the application; blocks. Raises ``AWSError``, in plain words where a quota is used up."""
    try:
        emr_serverless.start_application(session_of(config, compute), compute.id)
    except AccessDenied as error:
        message = f"Application {compute.name!r} ({compute.id}) is stopped, and you may not start it: {error.message}"
        fix = "Ask for emr-serverless:StartApplication, or have somebody start it."
        raise AccessDenied(message, fix=fix, iam_action=error.iam_action) from error
    except AWSError as error:
        if error_code(error) != "ServiceQuotaExceededException":
            raise
        message = (
            f"Application {compute.name!r} ({compute.id}) cannot be started, for a quota is used up: {error.message}"
        )
        raise NotAttachable(message, fix="Stop other applications, or have the account's vCPU quota raised.") from error
