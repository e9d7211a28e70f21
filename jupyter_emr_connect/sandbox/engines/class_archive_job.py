"""Uses most of what a session of Spark uses; executed by Spark's Python under ``class_archive.py``, never imported."""

from __future__ import annotations


def main() -> None:
    """Run Python, SQL and Scala on Spark, so that their classes are loaded."""
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.parallelize(range(4), 2).map(lambda number: number + 1).count()
    spark.range(10).selectExpr("id % 2 AS even").groupBy("even").count().collect()
    spark.sql("SELECT 'a' AS letter").show()
    spark._jvm.org.apache.spark.repl.SparkILoop.run("1 + 1")
    spark.stop()


if __name__ == "__main__":
    main()
