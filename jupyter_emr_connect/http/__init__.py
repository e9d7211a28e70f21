"""What gateway, Livy and the doors of EMR share: connections, deadlines, credentials on a request."""
