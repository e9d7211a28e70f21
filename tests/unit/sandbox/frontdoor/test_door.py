"""The faults of a front door that hit single requests."""

from __future__ import annotations

import asyncio

from jupyter_emr_connect.sandbox.frontdoor.door import fault_answer, without_charset
from jupyter_emr_connect.sandbox.world.faults import FaultBoard


async def test_faults_strike_the_cluster_they_are_for_and_none_of_aws_alone() -> None:
    faults = FaultBoard()
    faults.set("error-500", compute="j-1")
    faults.set("html", options={"service": "s3"})
    assert await fault_answer(faults, "j-2", "GET", "/") is None
    struck = await fault_answer(faults, "j-1", "GET", "/")
    assert struck is not None
    assert struck.status == 500


async def test_polls_of_statements_hang_and_nothing_else() -> None:
    faults = FaultBoard()
    faults.set("hang-statements")
    for method, path in (("POST", "/sessions/0/statements"), ("GET", "/sessions/0"), ("DELETE", "/sessions/0")):
        assert await fault_answer(faults, "j-1", method, path) is None
    hanging = asyncio.ensure_future(fault_answer(faults, "j-1", "GET", "/sessions/0/statements/3"))
    await asyncio.sleep(0)
    assert not hanging.done()
    faults.clear()
    assert await hanging is None


def test_a_content_type_loses_its_charset_alone() -> None:
    kept = without_charset({"Content-Type": "application/json; charset=utf-8", "X-Requested-By": "a"})
    assert dict(kept) == {"Content-Type": "application/json", "X-Requested-By": "a"}
