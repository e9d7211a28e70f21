"""The magic %emr."""
