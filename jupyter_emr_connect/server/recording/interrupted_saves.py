"""Notebooks that a killed server left half-written.

Jupyter's contents manager (2.21) keeps the former content in ``.~name`` while it writes a file, and puts it back when
the write fails, but not when the process is killed. The recorder writes often, so it restores what such a death leaves.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

UNCHANGED_FOR_S = 3.0  # then nobody writes the file any more


def restore_interrupted_save(file: Path) -> bool:
    """Put the former content back in place of a torn one; True when that was done. Blocks on the disk."""
    spare = file.with_name(f".~{file.name}")
    if not spare.is_file() or time.time() - file.stat().st_mtime < UNCHANGED_FOR_S:
        return False
    if _is_whole(file) or not _is_whole(spare):
        return False
    spare.replace(file)
    return True


def _is_whole(file: Path) -> bool:
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True
