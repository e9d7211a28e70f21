"""Kernel messages: their frames, signatures and numbers, and files and queues of them."""
