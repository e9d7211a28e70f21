"""The faults of a front door that hit single requests."""

from __future__ import annotations

from jupyter_emr_connect.sandbox.frontdoor.door import fault_answer
from jupyter_emr_connect.sandbox.world.faults import FaultBoard


async def test_faults_strike_the_cluster_they_are_for_and_none_of_aws_alone() -> None:
    faults = FaultBoard()
    faults.set("error-500", compute="j-1")
    faults.set("html", options={"service": "s3"})
    assert await fault_answer(faults, "j-2") is None
    struck = await fault_answer(faults, "j-1")
    assert struck is not None
    assert struck.status == 500
