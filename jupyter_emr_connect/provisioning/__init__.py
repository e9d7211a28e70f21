"""The kernel provisioner ``emr-connect`` (entry-point group ``jupyter_client.kernel_provisioners``)."""

from .provisioner import EMRProvisioner

__all__ = ["EMRProvisioner"]
