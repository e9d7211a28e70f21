"""Livy's interpreter driver, a Java agent that keeps its ports on loopback, and what compiles both."""
