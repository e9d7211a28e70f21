"""Kernel messages: their frames, signatures and numbers."""
