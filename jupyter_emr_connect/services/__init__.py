"""The product's rules: computes, roles, credentials, attachments, kernels, recording, backups; no Jupyter."""
