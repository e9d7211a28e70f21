"""What EMR puts before 18888 and 8998: credentials, TLS, role isolation."""
