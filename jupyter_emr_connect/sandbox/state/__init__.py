"""The folder of one running sandbox, and what others read there."""
