"""EMR on EKS: virtual clusters, managed endpoints and their tokens, as our own types.

Field names and meanings: botocore's model of ``emr-containers``, 2020-10-01. Unknown ids are refused there with status
400, so that only the error code counts (reference 2.1).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..errors import AWSError
from ..models import EndpointToken
from .errors import error_code
from .session import AWSSession

MISSING = ("ResourceNotFoundException", "ValidationException")
PAGE = 100
LIVE_ENDPOINTS = ("CREATING", "ACTIVE", "TERMINATING")
LIVE_VIRTUAL_CLUSTERS = ("RUNNING", "ARRESTED")


@dataclass(frozen=True)
class VirtualCluster:
    """A virtual cluster; its endpoints are computes, itself is not."""

    id: str
    name: str
    state: str


@dataclass(frozen=True)
class Endpoint:
    """A managed endpoint. ``type`` is a free string of AWS's; ``certificate`` is the PEM of its own CA, or None.

    ``url`` is where its gateway answers (inside the VPC), ``proxy_url`` AWS's public proxy, where there is one.
    """

    id: str
    name: str
    arn: str
    virtual_cluster: str
    type: str
    state: str
    state_reason: str | None = None
    failure_reason: str | None = None
    release: str | None = None
    execution_role: str | None = None
    url: str | None = None
    proxy_url: str | None = None
    certificate: str | None = field(default=None, repr=False)
    security_group: str | None = None
    subnets: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    created_at: str | None = None

    @property
    def compute_id(self) -> str:
        """The product's id of the endpoint: ``<virtual cluster>/<endpoint>``."""
        return f"{self.virtual_cluster}/{self.id}"


def list_virtual_clusters(session: AWSSession) -> Iterator[list[VirtualCluster]]:
    """Yield the virtual clusters that are there, a page at a time."""
    pages = session.pages(
        "emr-containers", "ListVirtualClusters", states=list(LIVE_VIRTUAL_CLUSTERS), PaginationConfig={"PageSize": PAGE}
    )
    for page in pages:
        yield [
            VirtualCluster(row["id"], row.get("name", ""), row.get("state", "UNKNOWN"))
            for row in page.get("virtualClusters") or []
            if row.get("id")
        ]


def list_endpoints(session: AWSSession, virtual_cluster: str, *, ended: bool = False) -> Iterator[list[Endpoint]]:
    """Yield the endpoints of a virtual cluster, a page at a time; the rows hold all that a description would."""
    states = {} if ended else {"states": list(LIVE_ENDPOINTS)}
    pages = session.pages(
        "emr-containers",
        "ListManagedEndpoints",
        virtualClusterId=virtual_cluster,
        PaginationConfig={"PageSize": PAGE},
        **states,
    )
    for page in pages:
        yield [_endpoint(row, virtual_cluster) for row in page.get("endpoints") or [] if row.get("id")]


def describe_endpoint(session: AWSSession, virtual_cluster: str, endpoint_id: str) -> Endpoint | None:
    """Return an endpoint, or None when AWS knows no such endpoint or virtual cluster."""
    try:
        answer = session.call(
            "emr-containers", "DescribeManagedEndpoint", id=endpoint_id, virtualClusterId=virtual_cluster
        )
    except AWSError as error:
        if error_code(error) in MISSING:
            return None
        raise
    found = answer.get("endpoint")
    if not isinstance(found, dict):
        message = f"AWS answered for endpoint {endpoint_id!r} without describing it."
        raise AWSError(message, fix="Try again.", iam_action="emr-containers:DescribeManagedEndpoint")
    return _endpoint({"id": endpoint_id, **found}, virtual_cluster)


def endpoint_token(
    session: AWSSession, virtual_cluster: str, endpoint_id: str, role: str, seconds: int
) -> EndpointToken:
    """Return a new token for one execution role on one endpoint (``GetManagedEndpointSessionCredentials``).

    ``seconds`` is how long it shall be good: AWS's default is 900, its maximum 43200 (reference 2.3).
    """
    answer = session.call(
        "emr-containers",
        "GetManagedEndpointSessionCredentials",
        endpointIdentifier=endpoint_id,
        virtualClusterIdentifier=virtual_cluster,
        executionRoleArn=role,
        credentialType="TOKEN",
        durationInSeconds=seconds,
    )
    value = (answer.get("credentials") or {}).get("token") or (answer.get("endpointCredentials") or {}).get("token")
    moment = answer.get("expiresAt")
    if not value or not isinstance(moment, datetime):
        message = "AWS gave no token for the endpoint."
        raise AWSError(message, iam_action="emr-containers:GetManagedEndpointSessionCredentials")
    return EndpointToken(answer.get("id", ""), value, moment.astimezone(timezone.utc))


def _endpoint(row: dict[str, Any], virtual_cluster: str) -> Endpoint:
    created = row.get("createdAt")
    return Endpoint(
        id=row["id"],
        name=row.get("name", ""),
        arn=row.get("arn", ""),
        virtual_cluster=row.get("virtualClusterId") or virtual_cluster,
        type=row.get("type", ""),
        state=row.get("state", "UNKNOWN"),
        state_reason=row.get("stateDetails") or None,
        failure_reason=row.get("failureReason") or None,
        release=row.get("releaseLabel"),
        execution_role=row.get("executionRoleArn"),
        url=row.get("serverUrl") or None,
        proxy_url=row.get("authProxyUrl") or None,
        certificate=_pem((row.get("certificateAuthority") or {}).get("certificateData")),
        security_group=row.get("securityGroup"),
        subnets=tuple(row.get("subnetIds") or ()),
        tags=dict(row.get("tags") or {}),
        created_at=created.astimezone(timezone.utc).isoformat() if created else None,
    )


def _pem(data: str | None) -> str | None:
    """Return the PEM that AWS sends as base64 (reference 2.2); None where there is none or it cannot be read."""
    if not data:
        return None
    try:
        text = base64.b64decode(data, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        text = data
    return text if "-----BEGIN CERTIFICATE-----" in text else None
