"""EMR Serverless applications as computes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ....aws import emr_serverless
from ....aws.session import AWSSession
from ....models import Compute, Kind
from .. import eligibility
from .row import Depth, make_compute, without_empty

APPLICATION_ID = re.compile(r"[0-9a-z]{16,64}")
APPLICATION_ARN = re.compile(r"arn:aws[a-zA-Z-]*:emr-serverless:([a-z0-9-]+):(\d{12}):/applications/([0-9a-z]+)")


class Applications:
    """Lists and describes applications."""

    kind: Kind = "serverless"
    service = "emr-serverless"
    operation = "GetApplication"
    title = "Serverless application"

    def pages(self, session: AWSSession, *, ended: bool = False) -> Iterator[list[Compute]]:
        """Yield the applications that live, or those that ended, a page (50) at a time."""
        for page in emr_serverless.list_applications(session, ended=ended):
            yield [undescribed(row, session.region) for row in page]

    def describe(self, session: AWSSession, compute_id: str, *, depth: Depth = "list") -> Compute | None:
        """Return an application with everything computed, or None for an id that AWS does not know."""
        found = emr_serverless.get_application(session, compute_id)
        return described(found, session.region) if found else None

    def worth_describing(self, compute: Compute) -> bool:
        """Applications that may be interactive: those that are Spark's and have not ended."""
        return compute.state in emr_serverless.LIVE and "Spark" in compute.applications

    def is_id(self, text: str) -> bool:
        """Whether ``text`` has the form of an application's id: sixteen or more small letters and digits."""
        return APPLICATION_ID.fullmatch(text) is not None

    def parse_arn(self, text: str) -> tuple[str, str, str] | None:
        """Return (region, account, id) of an application's ARN."""
        found = APPLICATION_ARN.fullmatch(text)
        return (found[1], found[2], found[3]) if found else None


def undescribed(row: emr_serverless.ApplicationRow, region: str) -> Compute:
    """Return what a row of the list says of an application."""
    return make_compute("serverless", row.id, row, region, eligibility.judge_application_row(row), **_facts(row))


def _facts(row: emr_serverless.ApplicationRow) -> dict[str, Any]:
    return {"release": row.release, "applications": (row.type,) if row.type else ()}


def described(application: emr_serverless.Application, region: str) -> Compute:
    """Return an application with everything computed."""
    verdict = eligibility.judge_application(application)
    return make_compute(
        "serverless",
        application.id,
        application,
        region,
        verdict,
        **_facts(application),
        tags=application.tags,
        details={
            "type": application.type,
            "architecture": application.architecture,
            "offers": list(verdict.offers),
            "runtime_role_reason": verdict.role_reason,
            "maximum_capacity": application.maximum_capacity,
            "network": without_empty(
                subnets=", ".join(application.subnets), security_groups=", ".join(application.security_groups)
            ),
            **verdict.details,
        },
    )
