"""Client of Livy's REST API."""
