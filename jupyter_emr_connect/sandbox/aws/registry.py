"""The services that the AWS front has, by SigV4 name. A new one is a module with a ``SERVICE`` and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from . import ec2, emr, emr_containers, emr_serverless, iam, s3, secretsmanager, sts
from .service import Service

SERVICES: Mapping[str, Service] = {
    service.name: service
    for service in (
        ec2.SERVICE,
        emr.SERVICE,
        emr_containers.SERVICE,
        emr_serverless.SERVICE,
        iam.SERVICE,
        s3.SERVICE,
        secretsmanager.SERVICE,
        sts.SERVICE,
    )
}
