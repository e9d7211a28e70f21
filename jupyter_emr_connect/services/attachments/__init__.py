"""Which compute a notebook runs on: made, resolved, and connected to."""
