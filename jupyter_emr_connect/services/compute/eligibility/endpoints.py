"""What can be done with an EMR on EKS managed endpoint, computed from facts alone: no AWS call is made here.

Each rule and its source stands in docs/attachable.md; the facts in docs/protocols.md, 2.1 to 2.3.
"""

from __future__ import annotations

from typing import Any

from ....aws.emr_containers import Endpoint
from ....models import RoleSupport, Transport
from .network import NetworkReach
from .releases import Version, is_since, written
from .verdict import Eligibility, driven, listed, state_problem

ENDPOINT_STATES = ("CREATING", "ACTIVE", "TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")
# That LIVY is the word for an endpoint with Livy stands in no AWS text (reference 2.2, UNCONFIRMED).
ENDPOINT_TYPES: dict[str, Transport] = {
    "JUPYTER_ENTERPRISE_GATEWAY": "gateway",
    "LIVY": "livy",
    "SPARK_CONNECT": "spark-connect",
}
ENDPOINTS_SINCE: Version = (6, 7, 0)


def judge_endpoint(
    endpoint: Endpoint, *, virtual_cluster_state: str | None = None, reach: NetworkReach | None = None
) -> Eligibility:
    """Judge an endpoint by its description, or its row of the list, which is as full.

    ``virtual_cluster_state`` counts where it is known; ``reach`` is what is known of the way to its ``url``.
    """
    way = ENDPOINT_TYPES.get(endpoint.type)
    offers = (way,) if way else ()
    usable = driven(offers)
    reason = (
        _state_obstacle(endpoint, virtual_cluster_state)
        or _type_obstacle(endpoint, offers, usable)
        or _release_obstacle(endpoint)
        or (None if endpoint.url else "AWS does not name its address (serverUrl) yet.")
        or (reach.obstacle if reach else None)
    )
    support: RoleSupport = "optional" if endpoint.execution_role else "required"
    return Eligibility(reason is None, reason, usable, support, "iam", None, offers, _details(endpoint))


def _state_obstacle(endpoint: Endpoint, virtual_cluster_state: str | None) -> str | None:
    why = ": ".join(part for part in (endpoint.failure_reason, endpoint.state_reason) if part)
    if problem := state_problem(endpoint.state, why, known=ENDPOINT_STATES, good=("ACTIVE",)):
        return problem
    if virtual_cluster_state not in (None, "RUNNING"):
        return f"Its virtual cluster {endpoint.virtual_cluster} is {virtual_cluster_state}."
    return None


def _type_obstacle(endpoint: Endpoint, offers: tuple[Transport, ...], usable: tuple[Transport, ...]) -> str | None:
    if usable:
        return None
    if offers:
        return f"It offers {listed(offers)}, which this version cannot use."
    if not endpoint.type:
        return "AWS does not say of which type it is."
    return f"Its type {endpoint.type} is not known to this version."


def _release_obstacle(endpoint: Endpoint) -> str | None:
    if is_since(endpoint.release, emr=ENDPOINTS_SINCE) is not False:
        return None
    return f"Endpoints with a gateway need {written(ENDPOINTS_SINCE)}, and it runs {endpoint.release}."


def _details(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {"endpoint_type": endpoint.type, "execution_role": endpoint.execution_role}
    if endpoint.execution_role:
        role = endpoint.execution_role
        found["runtime_role_default"] = f"without one chosen, kernels run as the endpoint's execution role {role}"
    return found
