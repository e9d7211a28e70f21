"""User names and passwords for Livy servers that have users of their own (LDAP): in memory, or in Secrets Manager.

What a user typed is kept in this process's memory for as long as it runs, and nowhere else. A server may lock an
account after some wrong passwords: a login that was refused is not sent again.
"""

from __future__ import annotations

import threading
from typing import TypeAlias

from ...aws.secretsmanager import read_login
from ...aws.session import open_session
from ...config import EMRConnect
from ...errors import LoginRefused, LoginRequired
from ...executors import AWS, run_in
from ...http.auth import BasicAuth, HTTPRequest
from ...models import Compute, Login
from ..compute.configured import is_configured

_typed: dict[str, Login] = {}
_refused: dict[str, Login] = {}
_lock = threading.Lock()
TYPE_FIX = (
    "Attach with them again: in the panel of this Jupyter server, or by `jupyter emr` in a terminal; or name a secret "
    "of AWS Secrets Manager in EMRConnect.livy_secrets."
)


def asks_for_login(compute: Compute) -> bool:
    """Tell whether a compute's Livy asks for a user name and password that AWS does not give."""
    return compute.auth == "ldap" or (compute.auth == "basic" and is_configured(compute))


def remember_login(compute_id: str, login: Login) -> None:
    """Keep what a user typed for a compute, in memory alone; called by whoever asked."""
    with _lock:
        _typed[compute_id] = login
        _refused.pop(compute_id, None)


def note_refused(compute: Compute, login: Login) -> None:
    """Take note that the compute's Livy did not take a login: it is forgotten, and not sent again."""
    with _lock:
        _refused[compute.id] = login
        if _typed.get(compute.id) == login:
            del _typed[compute.id]


def forget_logins() -> None:
    """Drop every login of this process."""
    with _lock:
        _typed.clear()
        _refused.clear()


def login_auth_of(config: EMRConnect, compute: Compute) -> LoginAuth:
    """Return what sends the login for a compute: what was typed, else what its secret holds; blocks on AWS.

    Raises ``LoginRequired`` where there is none, ``LoginRefused`` for one that was refused before, and what reading a
    secret raises.
    """
    where = f"Livy on {compute.name!r} ({compute.id})"
    with _lock:
        typed, refused = _typed.get(compute.id), _refused.get(compute.id)
    if typed is not None:
        return login_auth(compute, typed, None)
    secret = secret_of(config, compute)
    if secret is None:
        message = f"{where} asks for a user name and password, and this process has none in its memory."
        raise LoginRequired(message, fix=TYPE_FIX, compute_id=compute.id, compute_name=compute.name)
    login = read_secret(compute, secret)
    if login == refused:
        message = f"{where} did not accept the user name and password of the secret {secret!r}."
        raise LoginRefused(message, fix="Correct the secret; the same password is not sent again.")
    return login_auth(compute, login, secret)


def login_auth(compute: Compute, login: Login, secret: str | None) -> LoginAuth:
    """Return the ``Auth`` that sends a login; one from a secret is read again after a refusal, as secrets rotate."""
    if secret is None:
        return TypedLoginAuth(login.username, login.password)
    return SecretLoginAuth(compute, secret, login)


def secret_of(config: EMRConnect, compute: Compute) -> str | None:
    """Return the name or ARN of the secret that is configured for a compute, if any."""
    secrets = config.livy_secrets
    return secrets.get(compute.id) or secrets.get(compute.name) or secrets.get("*")


def read_secret(compute: Compute, secret: str) -> Login:
    """Return what a secret holds, read as the caller, in the region of its ARN or else the compute's; blocks."""
    region = secret.split(":")[3] if secret.startswith("arn:") and secret.count(":") > 3 else compute.region
    return read_login(open_session(compute.profile, region or None), secret)


class TypedLoginAuth(BasicAuth):
    """A user name and password that the user typed; what was refused is not sent again by itself."""

    secret: str | None = None

    @property
    def login(self) -> Login:
        """The user name and password."""
        return Login(self.username, self.password)


class SecretLoginAuth:
    """A user name and password that a secret of Secrets Manager holds. Safe on any event loop."""

    last_error = None

    def __init__(self, compute: Compute, secret: str, login: Login) -> None:
        self._compute = compute
        self.secret = secret
        self.login = login

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        """Return the request with the Basic header."""
        return await BasicAuth(self.login.username, self.login.password).prepare(request)

    async def renew(self, refused: HTTPRequest) -> None:
        """Read the secret again; raises ``LoginRefused`` when it still holds what was refused, and AWS's errors."""
        login = await run_in(AWS, read_secret, self._compute, self.secret)
        if login == self.login:
            message = f"Livy on {self._compute.name!r} ({self._compute.id}) refused the login of {self.secret!r}."
            raise LoginRefused(message, fix="Correct the secret; the same password is not sent again.")
        self.login = login

    def hold(self, owner: object) -> None:
        """Do nothing: a password is not renewed before it is refused."""

    def release(self, owner: object) -> None:
        """Do nothing: there is nothing to keep fresh."""


LoginAuth: TypeAlias = TypedLoginAuth | SecretLoginAuth
