"""The user name and password that a compute's Livy asks for: typed in the terminal, hidden, and kept in memory."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from ..errors import LoginRefused
from ..models import Login
from ..presentation import logins
from ..presentation.logins import LoginError, user_name, user_question

T = TypeVar("T")
TERMINAL = Path("/dev/tty")
ATTEMPTS = 3  # as with sudo; a server may lock an account after more


def with_login(work: Callable[[], T]) -> T:
    """Do ``work``; where a compute wants a user name and password, ask for them and do it again.

    Raises what ``work`` raises, ``LoginRequired`` where there is no terminal to ask in, and ``LoginRefused`` after
    three attempts.
    """
    return logins.with_login(work, ask_for_login, ATTEMPTS)


def ask_for_login(error: LoginError) -> Login | None:
    """Ask in the terminal for what ``error`` says is lacking; None where nobody answers."""
    if sys.stdin is None or not sys.stdin.isatty():
        return None
    if isinstance(error, LoginRefused):
        click.echo(error.message, err=True)
    own_name = user_name()
    try:
        with TERMINAL.open("w") as screen, TERMINAL.open() as keyboard:
            screen.write(user_question(error, own_name))
            screen.flush()
            username = keyboard.readline()
        if not username:
            return None
        username = username.strip() or own_name or ""
        password = getpass.getpass(f"Password of {username}: ")
    except (OSError, EOFError):
        return None
    return Login(username, password) if password else None
