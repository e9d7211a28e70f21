"""The kernel provisioner."""
