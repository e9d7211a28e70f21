"""The user name and password that a compute's Livy asks for: typed in the terminal, hidden, and kept in memory."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from ..errors import LoginRefused, LoginRequired
from ..models import Login

T = TypeVar("T")
TERMINAL = Path("/dev/tty")
ATTEMPTS = 3  # as with sudo; a server may lock an account after more


def with_login(work: Callable[[], T]) -> T:
    """Do ``work``; where a compute wants a user name and password, ask for them and do it again.

    Raises what ``work`` raises, ``LoginRequired`` where there is no terminal to ask in, and ``LoginRefused`` after
    three attempts.
    """
    for _ in range(ATTEMPTS):
        try:
            return work()
        except (LoginRequired, LoginRefused) as error:
            if not ask_for_login(error):
                raise
    return work()


def ask_for_login(error: LoginRequired | LoginRefused) -> bool:
    """Ask in the terminal for what ``error`` says is lacking, and keep it in memory; False where nobody answers."""
    from ..services.credentials.logins import remember_login

    if not error.compute_id or sys.stdin is None or not sys.stdin.isatty():
        return False
    if isinstance(error, LoginRefused):
        click.echo(error.message, err=True)
    try:
        with TERMINAL.open("w") as screen, TERMINAL.open() as keyboard:
            screen.write(f"User name for Livy on {error.compute_name} [{getpass.getuser()}]: ")
            screen.flush()
            username = keyboard.readline()
        if not username:
            return False
        username = username.strip() or getpass.getuser()
        password = getpass.getpass(f"Password of {username}: ")
    except (OSError, EOFError):
        return False
    if not password:
        return False
    remember_login(error.compute_id, Login(username, password))
    return True
