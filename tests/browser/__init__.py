"""A package, so that fixtures of scope "package" end with its last test; without this file, with the session."""
