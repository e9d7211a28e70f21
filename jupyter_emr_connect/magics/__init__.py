"""``%emr`` in local kernels, the cell magics for Spark sessions on Livy, and the local kernel of transport ``livy``."""
