"""The kernels started from here, on gateways and in Livy sessions: whose they are, and where they are now."""
