"""EC2: in which VPC a subnet lies. For the detail view alone, since EC2's model takes 17 MB of memory once loaded.

Field names and meanings: botocore's model of ``ec2``, 2016-11-15.
"""

from __future__ import annotations

from collections.abc import Collection

from ..errors import AWSError
from .errors import error_code, why_unknown
from .session import AWSSession


def subnet_vpcs(session: AWSSession, subnet_ids: Collection[str]) -> dict[str, str]:
    """Return the VPC's id for each subnet that AWS knows; raises as every call does.

    Asked of AWS in one call; ``ec2:DescribeSubnets`` knows no resource. One unknown id makes AWS refuse them all
    (``InvalidSubnetID.NotFound``), which counts as none found.
    """
    wanted = sorted({one for one in subnet_ids if one})
    if not wanted:
        return {}
    found: dict[str, str] = {}
    try:
        for page in session.pages("ec2", "DescribeSubnets", SubnetIds=wanted):
            for row in page.get("Subnets") or []:
                if row.get("SubnetId") and row.get("VpcId"):
                    found[row["SubnetId"]] = row["VpcId"]
    except AWSError as error:
        if error_code(error).startswith("InvalidSubnetI"):  # …ID.NotFound, …Id.Malformed
            return {}
        raise
    return found


def vpc_details(session: AWSSession, subnet_ids: Collection[str]) -> dict[str, str]:
    """Return ``vpc`` for the detail view, or ``vpc_note`` saying why it is not known; nothing without a subnet.

    That EC2 denies, throttles or does not answer is worth a line of the detail view and not its failure; what is wrong
    with the caller's own credentials is raised.
    """
    try:
        found = subnet_vpcs(session, subnet_ids)
    except AWSError as error:
        return {"vpc_note": why_unknown(error)}
    return {"vpc": ", ".join(sorted(set(found.values())))} if found else {}
