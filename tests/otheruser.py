"""HTTP requests by a process of another user of this machine, for tests that run as root."""

from __future__ import annotations

import os
import shutil
import subprocess

NOBODY = 65534
ASK = """
import sys, urllib.error, urllib.request
try:
    body = sys.argv[2].encode() if len(sys.argv) > 2 else None
    print(urllib.request.urlopen(sys.argv[1], body, timeout=20).status)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""
# One that another user may execute too, which that of the tests need not be.
PYTHON = shutil.which("python3", path="/usr/bin:/bin")
IMPOSSIBLE = os.geteuid() != 0 or not PYTHON
WHY = "only root can be another user, with the system's Python"


def asked_by(user: int, url: str, *body: str) -> str:
    """Ask by GET, or with a body by POST, as a user (uid); return the status, and of a refusal the text behind it."""
    command = [str(PYTHON), "-I", "-c", ASK, url, *body]
    done = subprocess.run(command, user=user, cwd="/", capture_output=True, text=True, timeout=60)
    return (done.stdout + done.stderr).strip()
