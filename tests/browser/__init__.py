"""A package, so that fixtures of scope "package" end with its last test (without this file they last as long as the session)."""
