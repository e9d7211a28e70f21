"""Outputs of gateway kernels go into the notebook while no browser is connected."""
