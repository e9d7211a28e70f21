"""A user name and password that a compute's Livy asks for: how often the user is asked, in a terminal or a notebook."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from ..errors import LoginRefused, LoginRequired
from ..models import Login

T = TypeVar("T")
LoginError: TypeAlias = LoginRequired | LoginRefused


def with_login(work: Callable[[], T], ask: Callable[[LoginError], Login | None], attempts: int) -> T:
    """Do ``work``; where it lacks a login, ``ask`` for one, keep it in this process's memory and do it again.

    ``ask`` is told what is lacking and returns None where nobody answers. Blocks; called by a command or by a cell.
    Raises what ``work`` raises, after that many ``attempts`` to ask also for a login.
    """
    for _ in range(attempts):
        try:
            return work()
        except (LoginRequired, LoginRefused) as error:
            if not error.compute_id or (login := ask(error)) is None:
                raise
            _remember(error.compute_id, login)
    return work()


def user_name() -> str | None:
    """Return the name of this process's user on this machine; None in a container whose user has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None


def user_question(error: LoginError, own_name: str | None) -> str:
    """Return the question for a user name at a compute's Livy; an empty answer means ``own_name``."""
    return f"User name for Livy on {error.compute_name}{f' [{own_name}]' if own_name else ''}: "


def _remember(compute_id: str, login: Login) -> None:
    from ..services.credentials.logins import remember_login

    remember_login(compute_id, login)
