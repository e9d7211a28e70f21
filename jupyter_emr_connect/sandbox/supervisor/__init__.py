"""The one process of a running sandbox, and how it is spoken to."""
