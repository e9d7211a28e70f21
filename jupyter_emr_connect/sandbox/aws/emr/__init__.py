"""Amazon EMR on EC2: the operations of clusters, held in ``world.clusters``, which the front doors read too.

moto's own EMR is not used: it knows neither releases, addresses nor ``GetClusterSessionCredentials``.
"""

from __future__ import annotations

from ..limits import EMR_RATES
from ..service import Service
from . import administration, clusters, credentials, instances, permissions, security_configurations

SERVICE = Service(
    name="elasticmapreduce",
    model="emr",
    prefix="elasticmapreduce",
    checks=permissions.checks,
    handlers={
        **clusters.HANDLERS,
        **instances.HANDLERS,
        **security_configurations.HANDLERS,
        **credentials.HANDLERS,
        **administration.HANDLERS,
    },
    rates=EMR_RATES,
    compute=permissions.compute,
)
