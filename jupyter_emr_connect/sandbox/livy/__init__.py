"""Livy's interpreter driver."""
