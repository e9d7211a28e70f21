"""The command jupyter emr."""
