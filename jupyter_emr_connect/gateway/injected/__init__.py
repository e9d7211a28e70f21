"""Text that runs in the remote kernel, and how it gets there."""
