"""What can be done with an EMR Serverless application, computed from facts alone: no AWS call is made here.

Each rule and its source stands in docs/attachable.md; the facts in docs/protocols.md, 3.1 and 3.2.
"""

from __future__ import annotations

from typing import Any

from ....aws.emr_serverless import Application, ApplicationRow
from ....models import Transport
from .network import NetworkReach
from .releases import Version, is_since, written
from .verdict import IDENTITY_CENTER, NOT_LOOKED_AT, Eligibility, driven, listed, state_problem

APPLICATION_STATES = ("CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED", "TERMINATED")
# One that is created or stopped is started when it is needed (StartApplication), one that is starting gets there.
USABLE_STATES = ("CREATED", "STARTING", "STARTED", "STOPPED")
LIVY_SINCE: Version = (6, 14, 0)
SPARK_CONNECT_SINCE: Version = (7, 13, 0)
SINCE: dict[Transport, Version] = {"livy": LIVY_SINCE, "spark-connect": SPARK_CONNECT_SINCE}
FLAGS: dict[Transport, str] = {"livy": "livyEndpointEnabled", "spark-connect": "sessionEnabled"}
HOW_TO_SWITCH = "with UpdateApplication, while it is CREATED or STOPPED"


def judge_application(application: Application, *, reach: NetworkReach | None = None) -> Eligibility:
    """Judge an application by what ``GetApplication`` says; ``reach`` is what is known of the way to its address."""
    switched = _switched_on(application)
    offers = tuple(one for one in switched if _runs_late_enough(application, one))
    usable = driven(offers)
    auth = "identity-center" if application.identity_center else "iam"
    reason = (
        _row_obstacle(application)
        or (IDENTITY_CENTER if application.identity_center else None)
        or _switch_obstacle(application, switched, offers)
        or _no_transport(offers, usable)
        or (reach.obstacle if reach else None)
    )
    return Eligibility(reason is None, reason, usable, "required", auth, None, offers, _details(application))


def judge_application_row(row: ApplicationRow) -> Eligibility:
    """Judge an application of which only the list's row is known: state, type and release, but no flag."""
    reason = _row_obstacle(row) or NOT_LOOKED_AT
    return Eligibility(False, reason, (), "required", "iam")


def _switched_on(application: Application) -> tuple[Transport, ...]:
    ways: tuple[tuple[Transport, bool], ...] = (
        ("livy", application.livy_endpoint_enabled),
        ("spark-connect", application.session_enabled),
    )
    return tuple(name for name, on in ways if on)


def _runs_late_enough(application: ApplicationRow, transport: Transport) -> bool:
    return is_since(application.release, emr=SINCE[transport]) is not False


def _row_obstacle(row: ApplicationRow) -> str | None:
    if problem := state_problem(row.state, row.state_reason, known=APPLICATION_STATES, good=USABLE_STATES):
        return problem
    if row.type.casefold() != "spark":
        named = f"of type {row.type}" if row.type else "of a type that AWS does not name"
        return f"It is {named}, and only applications of type Spark are interactive."
    if is_since(row.release, emr=LIVY_SINCE) is False:
        return f"Interactive use needs {written(LIVY_SINCE)}, and it runs {row.release}."
    return None


def _switch_obstacle(
    application: Application, switched: tuple[Transport, ...], offers: tuple[Transport, ...]
) -> str | None:
    if offers:
        return None
    if not switched:
        flags = [FLAGS[one] for one in SINCE if _runs_late_enough(application, one)]
        return f"It has no interactive way in: switch {listed(flags, 'or')} on ({HOW_TO_SWITCH})."
    since = written(SINCE[switched[0]])
    other = next(flag for one, flag in FLAGS.items() if one not in switched)
    return (
        f"Its {switched[0]} needs {since}, and it runs {application.release}: "
        f"switch {other} on instead ({HOW_TO_SWITCH}), or update the release."
    )


def _no_transport(offers: tuple[Transport, ...], usable: tuple[Transport, ...]) -> str | None:
    if usable:
        return None
    return (
        f"It offers {listed(offers)}, which this version cannot use: switch livyEndpointEnabled on ({HOW_TO_SWITCH})."
    )


def _details(application: Application) -> dict[str, Any]:
    found: dict[str, Any] = {
        "livy_endpoint_enabled": application.livy_endpoint_enabled,
        "session_enabled": application.session_enabled,
        "studio_enabled": application.studio_enabled,
        "auto_start": application.auto_start,
        "auto_stop_minutes": application.auto_stop_minutes,
    }
    if application.state in ("CREATED", "STOPPED"):
        found["start"] = "it has to be started first (emr-serverless:StartApplication)"
        if application.auto_start and application.session_enabled:
            found["start"] = "Spark Connect starts it; for Livy it has to be started first (StartApplication)"
    return found
