"""EMR Serverless: applications, held in ``world.applications``; ``frontdoor.serverless`` has their Livy.

No rates are documented for this service (reference 1.2), so none are enforced.
"""

from __future__ import annotations

from ..service import Service
from . import administration, applications, permissions

SERVICE = Service(
    name="emr-serverless",
    model="emr-serverless",
    prefix="emr-serverless",
    checks=permissions.checks,
    handlers={**applications.HANDLERS, **administration.HANDLERS},
    compute=permissions.compute,
    strict=True,
)
