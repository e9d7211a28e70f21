"""GetManagedEndpointSessionCredentials: a token for one execution role on one endpoint (reference 2.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ....models import ROLE_ARN
from ...world.eks import TOKEN_LIFETIME_S, TOKEN_MAX_LIFETIME_S, EndpointSpec
from ..identity import find_role
from ..service import Call, Handler
from . import endpoints
from .virtual_clusters import invalid, missing

_ARN = re.compile(
    r"arn:aws[a-z-]*:emr-containers:(?P<region>[^:]*):(?P<account>\d{12}):"
    r"/virtualclusters/(?P<virtual_cluster>[0-9a-z]+)(?:/endpoints/(?P<endpoint>[0-9a-z]+))?"
)
_ID = re.compile(r"[0-9a-z]{1,64}")


@dataclass(frozen=True)
class Target:
    """The endpoint that a call names by ids or ARNs; ids are empty where what was given is neither."""

    virtual_cluster: str
    endpoint: str
    account: str
    region: str

    @property
    def arn(self) -> str:
        """The endpoint's ARN, whether it exists or not."""
        place = f"{self.region}:{self.account}:/virtualclusters/{self.virtual_cluster}"
        return f"arn:aws:emr-containers:{place}/endpoints/{self.endpoint}"


def target_of(call: Call) -> Target:
    """Return which endpoint the call is about; an ARN may name another account or region than the call's own."""
    cluster, endpoint = str(call.params["virtualClusterIdentifier"]), str(call.params["endpointIdentifier"])
    cluster_arn, endpoint_arn = _ARN.fullmatch(cluster), _ARN.fullmatch(endpoint)
    place = endpoint_arn or cluster_arn
    return Target(
        cluster_arn["virtual_cluster"] if cluster_arn else cluster if _ID.fullmatch(cluster) else "",
        (endpoint_arn["endpoint"] or "") if endpoint_arn else endpoint if _ID.fullmatch(endpoint) else "",
        place["account"] if place else call.account,
        place["region"] if place else call.region,
    )


def get_managed_endpoint_session_credentials(call: Call) -> dict[str, Any]:
    """Answer with a fresh token of ``world.tokens``; older tokens of the same caller stay good."""
    target = target_of(call)
    if not target.virtual_cluster or not target.endpoint:
        invalid("The virtual cluster and the endpoint must be named by their ids or ARNs.")
    if (target.account, target.region) != (call.account, call.region):
        missing(f"Managed endpoint {target.arn} doesn't exist.")
    spec = endpoints.find(call, target.virtual_cluster, target.endpoint)
    if call.params["credentialType"] != "TOKEN":
        invalid("The credentialType must be TOKEN.")
    seconds = int(call.params.get("durationInSeconds", TOKEN_LIFETIME_S))
    if not 0 < seconds <= TOKEN_MAX_LIFETIME_S:  # no least duration is documented
        invalid(f"The durationInSeconds {seconds} is not between 1 and {TOKEN_MAX_LIFETIME_S:.0f}.")
    if spec.state != "ACTIVE":
        invalid(f"Managed endpoint {spec.id} is in state {spec.state}. It must be ACTIVE.")
    role = call.params["executionRoleArn"]
    _check_role(spec, role)
    token = call.aws.world.tokens.issue(spec.id, role, call.principal.arn, seconds)
    return {
        "id": token.id,
        "credentials": {"token": token.value},
        "expiresAt": datetime.fromtimestamp(token.expires_at, timezone.utc),
    }


def _check_role(spec: EndpointSpec, arn: str) -> None:
    """Refuse a role that is not of the endpoint's account: its pods take it through that account's OIDC provider."""
    if not ROLE_ARN.fullmatch(arn):
        invalid(f"The execution role {arn[:120]} is not the ARN of an IAM role.")
    if arn.split(":")[4] != spec.virtual_cluster.account:
        invalid(f"The execution role {arn} is not in the account of the virtual cluster.")
    if find_role(arn) is None:
        invalid(f"The execution role {arn} doesn't exist.")


HANDLERS: Mapping[str, Handler] = {"GetManagedEndpointSessionCredentials": get_managed_endpoint_session_credentials}
