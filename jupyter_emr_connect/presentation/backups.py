"""The table of a file's states in S3, and the lines of a comparison by cell."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .tables import Table
from .text import printable

if TYPE_CHECKING:
    from ..services.backups.cells import CellChange
    from ..services.backups.versions import BackupVersion

SAID = {
    "added": "added",
    "removed": "removed",
    "changed": "changed",
    "outputs": "other outputs",
    "moved": "elsewhere in the notebook",
}


def version_table(versions: Sequence[BackupVersion]) -> Table:
    """Return the states of a file, the newest first."""
    headers = ("SAVED", "SIZE", "COMPUTE", "RUNTIME ROLE", "MACHINE", "VERSION")
    rows = [
        (
            version.saved_at,
            "deleted" if version.deleted else f"{version.size:,}",
            version.compute or "-",
            (version.runtime_role or "-").rpartition("/")[2],
            version.host or "-",
            version.version_id,
        )
        for version in versions
    ]
    return Table(headers, rows, ("MACHINE", "RUNTIME ROLE"))


def cell_change_lines(changes: Sequence[CellChange]) -> Iterator[str]:
    """Yield the lines that show which cells differ, as a unified diff of each source."""
    from ..services.backups.cells import source_of

    if not changes:
        yield "No cell differs."
    for change in changes:
        yield f"Cell {printable(change.cell_id or '(no id)')}: {SAID[change.kind]}"
        old = source_of(change.old).splitlines() if change.old else []
        new = source_of(change.new).splitlines() if change.new else []
        for line in list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]:
            yield f"  {printable(line)}"
