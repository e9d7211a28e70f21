"""What can be done with a compute, computed from facts alone: the rules of docs/attachable.md, a module per kind."""

from .applications import judge_application, judge_application_row
from .clusters import ATTACHABLE_STATES, judge, judge_row, offered_transports, state_obstacle
from .endpoints import judge_endpoint
from .network import NetworkReach, Reachability, reach_of
from .releases import is_since, parse_release
from .verdict import NOT_LOOKED_AT, SUPPORTED_TRANSPORTS, Eligibility

__all__ = [
    "ATTACHABLE_STATES",
    "NOT_LOOKED_AT",
    "SUPPORTED_TRANSPORTS",
    "Eligibility",
    "NetworkReach",
    "Reachability",
    "is_since",
    "judge",
    "judge_application",
    "judge_application_row",
    "judge_endpoint",
    "judge_row",
    "offered_transports",
    "parse_release",
    "reach_of",
    "state_obstacle",
]
