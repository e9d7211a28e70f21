"""Where the sandbox's computes lie: one VPC for each account and region, with a subnet per zone and EMR's two groups.

Ids depend on account and region alone, so that nothing has to be kept.
"""

from __future__ import annotations

import hashlib

ZONES = "abc"
GROUPS = {"master": "ElasticMapReduce-master", "core": "ElasticMapReduce-slave"}
"""EMR's managed security groups by node type, under the names that EMR gives them."""


def vpc_id(account: str, region: str) -> str:
    """Return the id of the account's VPC in a region."""
    return _token("vpc", account, region)


def subnet_id(account: str, region: str, zone: str) -> str:
    """Return the id of the VPC's subnet in a zone (``a``, ``b``, ``c``)."""
    return _token("subnet", account, region, zone)


def group_id(account: str, region: str, node: str) -> str:
    """Return the id of EMR's security group for ``master`` or ``core`` nodes."""
    return _token("sg", account, region, node)


def zone_of(compute_id: str) -> str:
    """Return the zone of a cluster, always the same one."""
    return ZONES[int(hashlib.sha256(compute_id.encode()).hexdigest(), 16) % len(ZONES)]


def _token(prefix: str, *words: str) -> str:
    return f"{prefix}-{hashlib.sha256('/'.join((prefix, *words)).encode()).hexdigest()[:17]}"
