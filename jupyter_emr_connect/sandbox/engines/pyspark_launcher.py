"""Runs a Python kernel that is itself a Spark driver, as on EMR on EKS; executed by Spark's Python, never imported.

``pyspark_launcher.py PACKAGES -f FILE``. ``PACKAGES`` is where ipykernel lies; it comes after Spark's own packages, so
that the driver has the libraries of the workers. Spark runs as the user that the front door named.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any


def start_spark() -> dict[str, Any]:
    """Start Spark and return the names that user code begins with."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(f"kernel-{os.environ['KERNEL_ID']}")
    for name, value in storage().items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    return {"spark": spark, "sc": spark.sparkContext}


def storage() -> dict[str, str]:
    """Return Spark's settings for S3 as this kernel's role, which the front door has written (``storage.py``)."""
    path = Path(os.environ["HOME"]) / "storage" / f"{uuid.UUID(os.environ['KERNEL_ID'])}.json"
    settings: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return settings


def main() -> None:
    """Become the role's user, start Spark, run the kernel."""
    sys.path.append(sys.argv.pop(1))
    # Hadoop's and Spark's words for who runs this, where no Kerberos says otherwise.
    os.environ["HADOOP_USER_NAME"] = os.environ["SPARK_USER"] = os.environ["KERNEL_USERNAME"]
    names = start_spark()
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(user_ns=names)


if __name__ == "__main__":
    main()
