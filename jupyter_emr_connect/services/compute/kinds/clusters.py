"""EMR on EC2 clusters as computes."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from typing import Any

from ....aws import emr
from ....aws.ec2 import vpc_details
from ....aws.session import AWSSession
from ....errors import AccessDenied, AWSError, AWSUnavailable, CredentialsExpired, InvalidCredentials, Throttled
from ....models import Compute, Kind
from .. import eligibility
from .row import Depth, make_compute

CLUSTER_ID = re.compile(r"j-[A-Z0-9]{1,254}")
CLUSTER_ARN = re.compile(r"arn:aws[a-zA-Z-]*:elasticmapreduce:([a-z0-9-]+):(\d{12}):cluster/(j-[A-Z0-9]+)")
KERBEROS_PACKAGE = "gssapi"
RECENTLY = timedelta(days=30)
# What was refused may be granted later; until then AWS is not asked for each cluster anew.
DENIAL_SECONDS = 240.0


class Clusters:
    """Lists and describes clusters. Security configurations are read once per object: AWS cannot change them."""

    kind: Kind = "ec2"
    service = "emr"
    operation = "DescribeCluster"
    title = "EMR cluster"

    def __init__(self, studio_subnets: Collection[str] = (), *, check_reach: bool = True) -> None:
        """Take the subnets to attach in, if any are configured (``EMRConnect.studio_subnets``, ``check_reach``)."""
        self._studio_subnets = tuple(studio_subnets)
        self._check_reach = check_reach
        self._security: dict[tuple[str, str, str], tuple[emr.SecurityConfiguration | None, str | None]] = {}
        self._denied_until: dict[tuple[str, str, str], float] = {}

    def pages(self, session: AWSSession, *, ended: bool = False) -> Iterator[list[Compute]]:
        """Yield clusters that live, or those that ended in the last 30 days, a page (50) at a time."""
        states = emr.ENDED if ended else emr.ACTIVE
        since = datetime.now(timezone.utc) - RECENTLY if ended else None
        for page in emr.cluster_pages(session, states, created_after=since):
            yield [undescribed(row, session.region) for row in page]

    def describe(self, session: AWSSession, compute_id: str, *, depth: Depth = "list") -> Compute | None:
        """Return a cluster with everything computed, or None for an id that AWS does not know.

        To attach its primary nodes are asked for as well, for the detail view also its VPC and when AWS ends it.
        """
        cluster = emr.describe_cluster(session, compute_id)
        if cluster is None:
            return None
        network, primary_note, ending = dict(cluster.network), None, {}
        if depth != "list":
            cluster, primary_note = emr.try_look_at_primary(session, cluster)
        if depth == "view":
            network |= vpc_details(session, [network.get("subnet", "")])
            ending = emr.auto_termination(session, compute_id) if cluster.state in emr.ACTIVE else {}
        security, problem = self._security_of(session, cluster)
        asked = self._check_reach and cluster.state in eligibility.ATTACHABLE_STATES
        reach = eligibility.reach_of(cluster.host) if asked else None
        verdict = eligibility.judge(
            cluster,
            security,
            security_problem=problem,
            reach=reach,
            studio_subnets=self._studio_subnets,
            kerberos_package=find_spec(KERBEROS_PACKAGE) is not None,
        )
        details = {
            "applications": cluster.applications,
            "security_configuration": cluster.security_configuration,
            "in_transit_encryption": security.in_transit_encryption if security else None,
            "runtime_role_reason": verdict.role_reason,
            "host": cluster.host,
            "offers": list(verdict.offers),
            "unreachable": reach.obstacle if reach else None,
            "network": network,
            "log_uri": cluster.log_uri,
            "service_role": cluster.service_role,
            **ending,
            **({"primary_note": primary_note} if primary_note else {}),
            **({"unread": problem} if problem else {}),
            **verdict.details,
        }
        return described(cluster, verdict, session.region, **details)

    def worth_describing(self, compute: Compute) -> bool:
        """Clusters in a state that could take a kernel."""
        return compute.state in eligibility.ATTACHABLE_STATES

    def is_id(self, text: str) -> bool:
        """Whether ``text`` has the form of a cluster's id, ``j-…``."""
        return CLUSTER_ID.fullmatch(text) is not None

    def parse_arn(self, text: str) -> tuple[str, str, str] | None:
        """Return (region, account, id) of a cluster's ARN."""
        found = CLUSTER_ARN.fullmatch(text)
        return (found[1], found[2], found[3]) if found else None

    def _security_of(
        self, session: AWSSession, cluster: emr.Cluster
    ) -> tuple[emr.SecurityConfiguration | None, str | None]:
        name = cluster.security_configuration
        if not name:
            return None, None
        key = (session.label, session.region, name)
        if self._denied_until.get(key, math.inf) < time.monotonic():
            self._denied_until.pop(key, None)
            self._security.pop(key, None)
        known = self._security.get(key)  # threads describe several at once
        if known is None:
            try:
                known = emr.security_configuration(session, name), None
            except (CredentialsExpired, InvalidCredentials):
                raise
            except AWSError as error:
                denied = isinstance(error, AccessDenied)
                why = f"{error.iam_action} is denied" if denied else error.message.rstrip(".")
                problem = f"its security configuration {name!r} cannot be read: {why}"
                if isinstance(error, AWSUnavailable | Throttled):
                    return None, problem
                known = None, problem
                self._denied_until[key] = time.monotonic() + DENIAL_SECONDS
            self._security[key] = known
        return known


def undescribed(row: emr.ClusterRow, region: str) -> Compute:
    """Return what a row of the list says of a cluster; ``region`` counts where there is no ARN."""
    return make_compute("ec2", row.id, row, region, eligibility.judge_row(row))


def described(cluster: emr.Cluster, verdict: eligibility.Eligibility, region: str, **details: Any) -> Compute:
    """Return a cluster with what was judged of it, and the details that the caller gives."""
    facts = {"release": cluster.release, "applications": tuple(cluster.applications), "tags": cluster.tags}
    return make_compute("ec2", cluster.id, cluster, region, verdict, host=cluster.host, details=details, **facts)
