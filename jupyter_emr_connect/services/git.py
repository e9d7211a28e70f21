"""What git says of a notebook that is not there: whether it may bring it back. Blocks on the disk and on git."""

from __future__ import annotations

import subprocess
from pathlib import Path

GIT_WITHIN_S = 10.0


def is_known_to_git(path: str) -> bool:
    """Say whether git may bring a removed file back: a commit of some branch has had it.

    True also where a folder above is a git working tree of which git tells nothing.
    """
    return _names(path, "log", "-1", "--format=%h", "--all", "--", path)


def is_tracked(path: str) -> bool:
    """Say whether the branch that is checked out has a file, or one below a folder, though it may just be removed.

    True also where a folder above is a git working tree of which git tells nothing.
    """
    return _names(path, "ls-files", "--", path)


def _names(path: str, *words: str) -> bool:
    """Return whether git prints anything in the working tree of a path; False where the path is in none."""
    top = next((folder for folder in Path(path).parents if (folder / ".git").exists()), None)
    if top is None:
        return False
    try:
        done = subprocess.run(  # noqa: S603 - no shell
            ["git", "-C", str(top), *words],  # noqa: S607 - the git that the user has
            capture_output=True,
            timeout=GIT_WITHIN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return done.returncode != 0 or bool(done.stdout.strip())
