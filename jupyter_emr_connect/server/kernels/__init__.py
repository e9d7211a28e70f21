"""Kernels in a Jupyter server: their WebSockets, and how they outlive the server."""
