"""A server's backups: what Jupyter saves is noted at once, and a worker uploads it."""
