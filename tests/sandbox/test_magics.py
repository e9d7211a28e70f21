"""The sparkmagic magics and Spark's closures, through the gateway on 18888."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import Sandbox
from tests.sandbox.notebooks import printed, write_notebook

pytestmark = pytest.mark.sandbox

PYTHON = (
    '%%configure -f\n{"driverMemory": "600m", "conf": {"spark.sql.shuffle.partitions": "3"}}',
    "print(spark.conf.get('spark.sql.shuffle.partitions'), spark.sparkContext.getConf().get('spark.driver.memory'))",
    "factor = 3\nsc.parallelize(range(10), 2).map(lambda x: x * factor).sum()",
    "spark.range(5).createOrReplaceTempView('numbers')",
    "%%sql -q -o rows\nSELECT id * 2 AS twice FROM numbers ORDER BY id",
    "%%local\nprint(type(rows).__name__, rows['twice'].tolist())",
    "frame = spark.range(3).toDF('n')",
    "%%spark -o frame\nprint('sent')",
    "%%local\nimport os\nprint(len(frame), 'EMR' in ''.join(k for k in os.environ if k.startswith('AWS_')))",
    "%%info",
)

SCALA = (
    "val factor = 3\nsc.parallelize(0 until 10, 2).map(_ * factor).sum()",
    "case class Trip(city: String, fare: Int)",
    'import spark.implicits._\nval seen = Seq(Trip("Oslo", 3), Trip("Lima", 4)).toDS',
    "val trips = seen.map(t => t.copy(fare = t.fare * 2))\nprintln(trips.collect().map(_.fare).sum)",
    'trips.createOrReplaceTempView("trips")',
    "%%sql -q -o rows\nSELECT sum(fare) AS total FROM trips",
    "%%local\nprint(rows['total'].tolist())",
    "println(sc.sparkUser)",
    "val double = n * 2",
)


def run(sandbox: Sandbox, folder: Path, kernel: str, cells: tuple[str, ...], *words: str) -> list[str]:
    """Run the cells under EMRAnalyst and return what each of them printed; ``words`` are options of `run`."""
    notebook = write_notebook(folder / "in.ipynb", kernel, *cells)
    role = next(arn for arn in sandbox.status["roles"] if arn.endswith("EMRAnalyst"))
    out = folder / "out.ipynb"
    words = ("--compute", "analytics", "--runtime-role", role, "-o", str(out), *words)
    done = sandbox.cli("run", str(notebook), *words, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr + "\n".join(printed(out) if out.exists() else [])
    return printed(out)


def test_magics_and_closures_of_the_pyspark_kernel(sandbox: Sandbox, tmp_path: Path) -> None:
    cells = run(sandbox, tmp_path, "emr-pyspark", PYTHON)
    assert "3 600m" in cells[1]
    assert "135" in cells[2]
    assert "DataFrame [0, 2, 4, 6, 8]" in cells[5]
    assert "sent" in cells[7]
    assert "3 False" in cells[8]
    assert "'driverMemory': '600m'" in cells[9]
    assert re.search(r"<td>pyspark</td><td>idle</td>.*<td>emranalyst</td><td>✔</td>", cells[9])


@pytest.mark.full
def test_magics_and_closures_of_the_spark_kernel(sandbox: Sandbox, tmp_path: Path) -> None:
    """The first cell of the run is the parameter, in Scala."""
    _, *cells = run(sandbox, tmp_path, "emr-spark", SCALA, "-p", "n", "21")
    assert "135.0" in cells[0]
    assert "14" in cells[3]
    assert "[14]" in cells[6]
    assert "emranalyst" in cells[7]
    assert "double: Int = 42" in cells[8]
