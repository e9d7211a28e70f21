"""Compute catalogue, roles, credentials, attachments; no HTTP server, no Jupyter."""
