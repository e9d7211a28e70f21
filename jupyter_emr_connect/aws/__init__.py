"""The only boto3 code: one module per service, and the table of AWS errors."""
