"""What gateway kernels publish is recorded on disk, so that no output is lost while no browser is there to take it.

``recording`` listens to one kernel's bridge and appends what matters to its ``spool``. Only when a run has no front end
that covers it, the messages are read back and turned into a notebook's ``outputs``, which ``writing`` puts into its
cells.
"""
