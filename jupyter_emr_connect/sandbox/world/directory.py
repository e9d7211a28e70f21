"""The users of the sandbox's LDAP directory, who log in to Livy by user name and password."""

from __future__ import annotations

import hmac
import secrets

DIRECTORY_USERS = ("ada", "grace")
SECRET_PREFIX = "emr-sandbox/ldap/"  # noqa: S105 - the beginning of a name, no secret


def secret_name(username: str) -> str:
    """Return the name of the Secrets Manager secret that holds a user's name and password."""
    return f"{SECRET_PREFIX}{username}"


class Directory:
    """User names with their passwords, which are made up anew for each sandbox. Every method may run in any thread."""

    def __init__(self) -> None:
        self._passwords = {name: secrets.token_urlsafe(18) for name in DIRECTORY_USERS}

    def password(self, username: str) -> str:
        """Return a user's password, for the secret that holds it; raises ``KeyError``."""
        return self._passwords[username]

    def admits(self, username: str, password: str) -> bool:
        """Tell whether a bind of LDAP as this user would succeed."""
        known = self._passwords.get(username)
        return known is not None and hmac.compare_digest(known.encode(), password.encode())
