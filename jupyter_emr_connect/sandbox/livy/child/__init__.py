"""The Python side of Livy's interpreter driver; shipped inside the driver's jar as the package ``livy_child``.

It runs under Spark's Python (3.10 or later) with nothing but the standard library and pyspark, so nothing in here
imports the rest of this project.
"""
