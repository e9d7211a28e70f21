"""Connects the Python process to the driver's Spark through Py4J."""

from __future__ import annotations

from typing import Any

# What pyspark's own launcher imports into the gateway's view (pyspark.java_gateway.launch_gateway, 3.5).
JAVA_IMPORTS = (
    "org.apache.spark.SparkConf",
    "org.apache.spark.api.java.*",
    "org.apache.spark.api.python.*",
    "org.apache.spark.ml.python.*",
    "org.apache.spark.mllib.api.python.*",
    "org.apache.spark.resource.*",
    "org.apache.spark.sql.*",
    "org.apache.spark.sql.api.python.*",
    "org.apache.spark.sql.hive.*",
    "scala.Tuple2",
)


def preload() -> None:
    """Import pyspark while the driver still starts Spark."""
    import pyspark.sql  # noqa: F401 - for its side effect


def connect(port: int, secret: str) -> dict[str, Any]:
    """Return the names that user code starts with: ``sc``, ``spark`` and ``sqlContext``."""
    from py4j.java_gateway import GatewayParameters, JavaGateway, java_import
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession, SQLContext

    gateway = JavaGateway(
        gateway_parameters=GatewayParameters(port=port, auth_token=secret, auto_convert=True),
    )
    for name in JAVA_IMPORTS:
        java_import(gateway.jvm, name)
    java_context = gateway.entry_point.context()
    conf = SparkConf(_jvm=gateway.jvm, _jconf=java_context.getConf())
    context = SparkContext(gateway=gateway, jsc=java_context, conf=conf)
    session = SparkSession(context, gateway.entry_point.session())
    return {"sc": context, "spark": session, "sqlContext": SQLContext(context, session)}
