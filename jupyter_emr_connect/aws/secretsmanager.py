"""AWS Secrets Manager: the user name and password that a secret holds."""

from __future__ import annotations

import json

from ..errors import AWSError, ConfigurationError
from ..models import Login
from .errors import error_code
from .session import AWSSession


def read_login(session: AWSSession, name: str) -> Login:
    """Return the login in the secret of this name or ARN: JSON with ``username`` and ``password``; blocks.

    The form is that of AWS's own secrets for databases. Raises ``ConfigurationError`` for a secret that is not there or
    holds something else, and AWS's errors. What the secret holds is in no message.
    """
    try:
        answer = session.call("secretsmanager", "GetSecretValue", SecretId=name)
    except AWSError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        message = f"There is no secret {name!r} in {session.region} ({session.label})."
        raise ConfigurationError(message, fix="Correct EMRConnect.livy_secrets, or create the secret.") from error
    try:
        found = json.loads(answer.get("SecretString") or "")
        return Login(str(found["username"]), str(found["password"]))
    except (ValueError, TypeError, KeyError):
        message = f"The secret {name!r} does not hold a user name and a password."
        raise ConfigurationError(message, fix='Its text must be {"username": "…", "password": "…"}.') from None
