"""Which of a gateway's kernelspecs stands behind ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_emr_connect.provisioning.spec import choose

EMR = {"python3": "python", "pysparkkernel": "python", "sparkkernel": "scala", "sparkrkernel": "r"}
EKS = {"python_kubernetes": "python", "spark_python_kubernetes": "python", "spark_scala_kubernetes": "scala"}
EMR_EKS = {"python3.9": "python", "pyspark_kubernetes": "python", "spark_scala_kubernetes": "scala"}
STOCK = {"python_tf_kubernetes": "python", "py3_k8s": "python", "pyspark3kubernetes": "python", "spark_ml": "python"}
TOREE = {"python_kubernetes": "python", "apache_toree_scala": "scala"}
OTHER = {"py": "python", "my-spark-py": "python", "my-spark-scala": "Scala"}
KERNELS = Path(__file__).parents[3] / "kernels"


def wishes(name: str) -> tuple[list[str], str, bool]:
    spec = json.loads((KERNELS / name / "kernel.json").read_text())
    stanza = spec["metadata"]["kernel_provisioner"]
    assert stanza["provisioner_name"] == "emr-connect"
    return stanza["config"]["candidates"], spec["language"], stanza["config"]["spark"]


@pytest.mark.parametrize(
    ("name", "offered", "chosen"),
    [
        ("emr-pyspark", EMR, "pysparkkernel"),
        ("emr-spark", EMR, "sparkkernel"),
        ("emr-sparkr", EMR, "sparkrkernel"),
        ("emr-python", EMR, "python3"),
        ("emr-pyspark", EKS, "spark_python_kubernetes"),
        ("emr-spark", EKS, "spark_scala_kubernetes"),
        ("emr-sparkr", EKS, None),
        ("emr-python", EKS, "python_kubernetes"),
        ("emr-pyspark", EMR_EKS, "pyspark_kubernetes"),
        ("emr-spark", EMR_EKS, "spark_scala_kubernetes"),
        ("emr-python", EMR_EKS, "python3.9"),
        ("emr-python", STOCK, "py3_k8s"),
        ("emr-pyspark", STOCK, "pyspark3kubernetes"),
        ("emr-spark", TOREE, "apache_toree_scala"),
        ("emr-pyspark", TOREE, None),
        ("emr-pyspark", OTHER, "my-spark-py"),
        ("emr-spark", OTHER, "my-spark-scala"),
        ("emr-python", OTHER, "py"),
        ("emr-python", {}, None),
    ],
)
def test_our_kernelspecs_find_theirs(name: str, offered: dict[str, str], chosen: str | None) -> None:
    candidates, language, spark = wishes(name)
    assert choose(offered, candidates, language, spark=spark) == chosen


def test_two_that_might_be_meant_are_no_answer() -> None:
    assert choose({"a": "python", "b": "python"}, ["python3"], "python", spark=False) is None
