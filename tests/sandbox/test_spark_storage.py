"""What a Spark session reaches beside its own memory: the emulated S3, and a Hive catalog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Sandbox
from tests.sandbox.doors import Door, aws, doors, endpoint_doors, entered, printed, run, token_of

pytestmark = [pytest.mark.sandbox, pytest.mark.full]

BUCKET = "emr-sandbox-data"


@pytest.fixture
def livy(sandbox: Sandbox, jp_asyncio_loop: Any) -> Iterator[Door]:
    """Port 8998 of the cluster without runtime roles, where a session has the instance profile's credentials."""
    for (door,) in entered(jp_asyncio_loop, doors(sandbox, None, compute="open", port=8998)):
        yield door


async def test_a_session_writes_to_s3_and_keeps_tables_in_a_hive_catalog(sandbox: Sandbox, livy: Door) -> None:
    body = {"kind": "pyspark", "conf": {"spark.sql.catalogImplementation": "hive"}}
    made = (await livy.ask("POST", "/sessions", json=body)).json
    path = f"/sessions/{made['id']}"

    async def output_of(code: str) -> str:
        statement = (await livy.ask("POST", f"{path}/statements", json={"code": code})).json
        done = await livy.until(
            f"{path}/statements/{statement['id']}", lambda answer: answer.json["state"] == "available"
        )
        return str(done.json["output"].get("data", done.json["output"]))

    try:
        await livy.until(f"{path}/state", lambda answer: answer.json["state"] != "starting")
        assert "fs.s3a" not in (await livy.ask("GET", path)).text
        for rows in (3, 5):  # the second time it replaces the first
            await output_of(f"spark.range({rows}).write.mode('overwrite').parquet('s3://{BUCKET}/written')")
            assert (
                await output_of(f"spark.read.parquet('s3://{BUCKET}/written').count()") == f"{{'text/plain': '{rows}'}}"
            )
        keys = [row["Key"] for row in aws(sandbox, "s3", "administrator").list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert "written/_SUCCESS" in keys
        assert not [key for key in keys if "_temporary" in key]
        await output_of("spark.sql('create database sales'); spark.range(4).write.saveAsTable('sales.orders')")
        assert "'4'" in await output_of("spark.table('sales.orders').count()")
        far = f"create table sales.far (id bigint) stored as parquet location 's3://{BUCKET}/written'"
        assert "n=5" in await output_of(f"spark.sql({far!r}); spark.sql('select count(*) n from sales.far').collect()")
        tables = await output_of("spark.sql('show tables in sales').collect()")
        assert "orders" in tables
        assert "far" in tables
    finally:
        assert (await livy.ask("DELETE", path)).status == 200


async def test_a_driver_on_an_endpoint_reads_s3_as_its_execution_role(sandbox: Sandbox) -> None:
    aws(sandbox, "s3", "administrator").put_object(Bucket=BUCKET, Key="endpoint/a.txt", Body=b"1\n2\n")
    async with endpoint_doors(sandbox, token_of(sandbox, "EMRAnalyst")) as (door,):
        await door.until("/api", lambda answer: answer.status == 200)
        kernel_id = await door.start("spark_python_kubernetes")
        async with door.socket(kernel_id) as socket:
            code = f"print([row.value for row in spark.sql('select * from text.`s3://{BUCKET}/endpoint/`').collect()])"
            assert printed(await run(socket, code)) == "['1', '2']\n"
            refused = str(await run(socket, f"spark.range(3).write.csv('s3://{BUCKET}/refused')"))
        assert "assumed-role/EMRAnalyst/spark is not authorized to perform: s3:PutObject" in refused
        assert (await door.ask("DELETE", f"/api/kernels/{kernel_id}")).status == 204
