"""Runs a Python kernel that is itself a Spark driver, as on EMR on EKS; executed by Spark's Python, never imported.

``pyspark_launcher.py PACKAGES -f FILE``. ``PACKAGES`` is where ipykernel lies; it comes after Spark's own packages, so
that the driver has the libraries of the workers. Spark runs as the user that the front door named.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def start_spark() -> dict[str, Any]:
    """Start Spark and return the names that user code begins with."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName(f"kernel-{os.environ['KERNEL_ID']}").getOrCreate()
    return {"spark": spark, "sc": spark.sparkContext}


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
