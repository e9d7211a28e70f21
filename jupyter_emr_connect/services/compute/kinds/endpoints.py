"""EMR on EKS managed endpoints as computes; their id is ``<virtual cluster>/<endpoint>``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ....aws import emr_containers
from ....aws.session import AWSSession
from ....errors import AWSError, AWSUnavailable, CredentialsExpired, EMRConnectError, InvalidCredentials, Throttled
from ....models import Compute, Kind
from .. import eligibility
from .row import Depth, make_compute, without_empty

ENDPOINT_ID = re.compile(r"([0-9a-z]{1,64})/([0-9a-z]{1,64})")
ENDPOINT_ARN = re.compile(
    r"arn:aws[a-zA-Z-]*:emr-containers:([a-z0-9-]+):(\d{12}):/virtualclusters/([0-9a-z]+)/endpoints/([0-9a-z]+)"
)
# So many virtual clusters may fail to answer, each after several attempts, before the service is taken to be down.
MOST_UNANSWERED = 3


class Endpoints:
    """Lists and describes managed endpoints. A row of the list is complete, so nothing is described for the list."""

    kind: Kind = "eks"
    service = "emr-containers"
    operation = "DescribeManagedEndpoint"
    title = "managed endpoint"

    def __init__(self, *, check_reach: bool = True) -> None:
        """Take whether to ask if an endpoint's address is in reach (``EMRConnect.check_reach``)."""
        self._check_reach = check_reach

    def pages(self, session: AWSSession, *, ended: bool = False) -> Iterator[list[Compute]]:
        """Yield the endpoints of every virtual cluster, a page at a time.

        A virtual cluster whose endpoints cannot be listed hides no other: its error is raised after them. What would
        be so for the others as well is raised at once.
        """
        problem: EMRConnectError | None = None
        unanswered = 0
        for clusters in emr_containers.list_virtual_clusters(session):
            for cluster in clusters:
                try:
                    for page in emr_containers.list_endpoints(session, cluster.id, ended=ended):
                        rows = [self._described(endpoint, session.region, cluster) for endpoint in page]
                        yield [row for row in rows if ended == row.state.startswith("TERMINATED")]
                except (Throttled, CredentialsExpired, InvalidCredentials):
                    raise
                except AWSError as error:
                    problem = problem or error
                    unanswered += isinstance(error, AWSUnavailable)
                    if unanswered == MOST_UNANSWERED:
                        raise
        if problem:
            raise problem

    def describe(self, session: AWSSession, compute_id: str, *, depth: Depth = "list") -> Compute | None:
        """Return an endpoint, or None for an id that AWS does not know."""
        virtual_cluster, _, endpoint_id = compute_id.partition("/")
        found = emr_containers.describe_endpoint(session, virtual_cluster, endpoint_id)
        return self._described(found, session.region) if found else None

    def _described(
        self, endpoint: emr_containers.Endpoint, region: str, cluster: emr_containers.VirtualCluster | None = None
    ) -> Compute:
        reach = None
        if self._check_reach and endpoint.state == "ACTIVE":
            # The list waits for no name server; what it has found out by then counts the next time.
            reach = eligibility.reach_of(endpoint.url, wait=0.0 if cluster else 2.0)
        return described(endpoint, region, cluster, reach)

    def worth_describing(self, compute: Compute) -> bool:
        """Return False: the list tells all that a description would."""
        return False

    def is_id(self, text: str) -> bool:
        """Whether ``text`` has the form of an endpoint's id, ``<virtual cluster>/<endpoint>``."""
        return ENDPOINT_ID.fullmatch(text) is not None

    def parse_arn(self, text: str) -> tuple[str, str, str] | None:
        """Return (region, account, id) of an endpoint's ARN."""
        found = ENDPOINT_ARN.fullmatch(text)
        return (found[1], found[2], f"{found[3]}/{found[4]}") if found else None


def described(
    endpoint: emr_containers.Endpoint,
    region: str,
    cluster: emr_containers.VirtualCluster | None = None,
    reach: eligibility.NetworkReach | None = None,
) -> Compute:
    """Return an endpoint with everything computed; ``cluster`` is its virtual cluster, where it is known."""
    verdict = eligibility.judge_endpoint(
        endpoint, virtual_cluster_state=cluster.state if cluster else None, reach=reach
    )
    return make_compute(
        "eks",
        endpoint.compute_id,
        endpoint,
        region,
        verdict,
        release=endpoint.release,
        tags=endpoint.tags,
        host=endpoint.url,
        certificate=endpoint.certificate,
        details={
            "virtual_cluster": cluster.name if cluster else endpoint.virtual_cluster,
            "url": endpoint.url,
            "runtime_role_reason": verdict.role_reason,
            "offers": list(verdict.offers),
            "failure_reason": endpoint.failure_reason,
            "private_ca": endpoint.certificate is not None,
            "unreachable": reach.obstacle if reach else None,
            "network": without_empty(security_group=endpoint.security_group, subnets=", ".join(endpoint.subnets)),
            **verdict.details,
        },
    )
