"""The gateway kernels started from here: whose they are, and where they are now."""
