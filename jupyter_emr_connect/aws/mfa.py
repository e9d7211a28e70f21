"""Codes of MFA devices, for profiles with ``mfa_serial``: asked for in a terminal, once, by the command line alone.

A server, a kernel or a cell has nobody to ask: its terminal may be unseen, and a thread that waits there holds up all
who use the profile. They take what the AWS CLI keeps of such a profile's login (``~/.aws/cli/cache``), so that
``aws sts get-caller-identity`` in any terminal of the user serves them too, also while they run.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import NoCredentials

if TYPE_CHECKING:
    import botocore.session

CLI_CACHE = Path("~/.aws/cli/cache")
TERMINAL = Path("/dev/tty")
# One prompt serves all who want the same code; who comes again so soon was given a code that AWS did not take.
ASKED_AGAIN_AFTER_S = 60.0

_allowed = threading.Event()
_asking = threading.Lock()
_asked: dict[str, float] = {}
_drawing = threading.RLock()
_drawings: list[Drawing] = []


class Drawing(Protocol):
    """What is drawn on the terminal again and again, and would wipe a prompt out (rich's ``Progress``, ``Status``)."""

    def start(self) -> None:
        """Draw from now on."""

    def stop(self) -> None:
        """Draw no more."""


@contextmanager
def giving_way(drawing: Drawing) -> Iterator[None]:
    """Have a drawing stand back while a code is asked for, as long as the block runs; called by the command line."""
    with _drawing:
        _drawings.append(drawing)
    try:
        yield
    finally:
        with _drawing:
            _drawings.remove(drawing)


def _go_on(drawing: Drawing) -> None:
    with _drawing:
        if drawing in _drawings:  # else its block was left meanwhile
            drawing.start()


def allow_prompts() -> None:
    """Let codes be asked for in the terminal, if there is one; called by the command line at its start."""
    if sys.stdin is not None and sys.stdin.isatty():
        _allowed.set()


def prepare(core: botocore.session.Session) -> None:
    """Let a botocore session ask for codes in our way, and see what the AWS CLI keeps; called for each new caller.

    botocore has no public way to either; the AWS CLI does it so, too (awscli/customizations/assumerole.py).
    """
    profile = core.get_config_variable("profile") or "default"
    provider: Any = core.get_component("credential_provider").get_provider("assume-role")
    provider._prompter = lambda prompt: ask_for_code(prompt, profile)
    if core.get_scoped_config().get("mfa_serial"):
        provider.cache = CommandLineLogins()


def let_ask_again(credentials: Any) -> None:
    """Let credentials that want a code be had at a later attempt, and renewed: botocore refuses a second one."""
    refresher = getattr(credentials, "_refresh_using", None)
    if again := getattr(refresher, "_refresh", None):
        credentials._refresh_using = again


class CommandLineLogins:
    """The credentials of assumed roles that the AWS CLI keeps in files, as botocore's cache; nothing is written."""

    def __init__(self) -> None:
        from botocore.utils import JSONFileCache

        self._files: Any = JSONFileCache(str(CLI_CACHE.expanduser()))

    def __contains__(self, key: str) -> bool:
        return key in self._files

    def __getitem__(self, key: str) -> Any:
        return self._files[key]

    def __setitem__(self, key: str, value: Any) -> None:
        """Keep credentials in memory alone, where botocore's own object has them."""


def ask_for_code(prompt: str, profile: str) -> str:
    """Return the code that the user types; blocks. Raises ``NoCredentials`` where nobody can be asked, or says nothing.

    ``prompt`` is botocore's: it names the device. It is shown as it is typed, for it is good once.
    """
    with _asking:
        if not _allowed.is_set():
            raise _no_code(profile, "nobody can be asked for it here")
        if time.monotonic() - _asked.get(prompt, -ASKED_AGAIN_AFTER_S) < ASKED_AGAIN_AFTER_S:
            raise _no_code(profile, "the one that was given did not serve")
        try:
            with TERMINAL.open("w") as screen, TERMINAL.open() as keyboard, ExitStack() as after:
                for drawing in list(_drawings):
                    drawing.stop()
                    after.callback(_go_on, drawing)
                screen.write(f"\r{prompt}")
                screen.flush()
                code = keyboard.readline().strip()
        except OSError as error:
            raise _no_code(profile, "there is no terminal to ask for it") from error
        _asked[prompt] = time.monotonic()
    if not code:
        raise _no_code(profile, "none was given")
    return code


def _no_code(profile: str, why: str) -> NoCredentials:
    message = f"The AWS profile {profile!r} needs a code of its MFA device, and {why}."
    login = f"aws sts get-caller-identity --profile {profile}"
    return NoCredentials(message, fix=f"Run `{login}` in a terminal, then try again: that login is used here too.")
