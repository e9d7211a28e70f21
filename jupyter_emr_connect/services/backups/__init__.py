"""Backups of notebooks in S3: the rules. A server's subscriber and worker are in ``server/backups``."""
