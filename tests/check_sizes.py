"""Fail when a source file has more than 500 lines (part of `make lint`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIMIT = 500
GENERATED = "labextension/src/openapi.ts"

listed = subprocess.run(
    ["git", "ls-files", "*.py", "*.scala", "*.ts", "*.tsx"], capture_output=True, text=True, check=True
).stdout
long = {
    name: lines
    for name in listed.split()
    if name != GENERATED
    and Path(name).exists()
    and (lines := len(Path(name).read_text(encoding="utf-8").splitlines())) > LIMIT
}
sys.exit("".join(f"{name}: {lines} lines, at most {LIMIT}\n" for name, lines in long.items()) or 0)
