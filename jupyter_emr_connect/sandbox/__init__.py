"""The emulated EMR of this machine (docs/sandbox.md says what is real)."""
