"""Options of magics: what is wrong with them is said in one line."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import NoReturn


def name_of(text: str) -> str:
    """Return a word that is the name of a variable; raises what argparse tells of."""
    if text.isidentifier():
        return text
    message = f"{text!r} is no name of a variable"
    raise argparse.ArgumentTypeError(message)


def usage_error(message: str) -> Exception:
    """Return the error for a line that cannot be understood, which IPython shows without a traceback."""
    from IPython.core.error import UsageError

    return UsageError(message)


class MagicParser(argparse.ArgumentParser):
    """Options of one magic, such as ``%%sql``."""

    def __init__(self, prog: str, description: str | None = None) -> None:
        super().__init__(prog=prog, description=description, add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise what IPython shows without a traceback."""
        text = f"{self.prog}: {message}"
        raise usage_error(text)

    def parse_line(self, line: str) -> argparse.Namespace:
        """Return the options of a line; raises ``UsageError``."""
        return self.parse_args(self.words(line))

    def words(self, line: str) -> Sequence[str]:
        """Return the words of a line as a shell takes them; raises ``UsageError`` for an open quote."""
        try:
            return shlex.split(line)
        except ValueError as error:
            self.error(str(error))
