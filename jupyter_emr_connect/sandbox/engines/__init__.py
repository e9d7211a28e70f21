"""Installation and processes of the real engines."""
