"""The local side of a gateway kernel: ZeroMQ channels and receivers in this process."""
