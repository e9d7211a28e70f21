"""EMR on EKS: virtual clusters, managed endpoints and their tokens, held in the ``world``, which the doors read too.

No rates are documented for this service (reference 1.2), so none are enforced.
"""

from __future__ import annotations

from ..service import Service
from . import administration, credentials, endpoints, permissions, virtual_clusters

SERVICE = Service(
    name="emr-containers",
    model="emr-containers",
    prefix="emr-containers",
    checks=permissions.checks,
    handlers={
        **virtual_clusters.HANDLERS,
        **endpoints.HANDLERS,
        **credentials.HANDLERS,
        **administration.HANDLERS,
    },
    compute=permissions.compute,
    strict=True,
)
