"""What EMR puts before gateway (18888) and Livy (8998, EMR Serverless): credentials, TLS, role isolation."""
