"""The main job on the sandbox: from nothing to Spark's answer under a runtime role (`make demo`).

Everything is done by the commands that a user would type; this script only types them, times them and shows the answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
COMPUTE = "analytics"
ROLE = "EMRAnalyst"


def emr(*words: str, env: dict[str, str] | None = None, quiet: bool = False, show: bool = False) -> str:
    """Type one ``jupyter emr`` command; its progress goes to the terminal, and so does its answer with ``show``."""
    if not quiet:
        print(f"\n$ jupyter emr {' '.join(word for word in words if word != '--json')}", flush=True)
    command, out = ["jupyter-emr", *words], None if show else subprocess.PIPE
    done = subprocess.run(command, env={**os.environ, **(env or {})}, stdout=out, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout or ''}\nThe command above ended with exit code {done.returncode}.")
    return done.stdout or ""


def answer_of(notebook: Path) -> list[str]:
    """Return the printed text of each code cell."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return ["".join(output.get("text", "")) for output in outputs if output.get("name") == "stdout"]


def main() -> None:
    """Bring up the sandbox, list, run, and show."""
    started = time.monotonic()
    status = json.loads(emr("sandbox", "up", "--json"))
    up = time.monotonic()
    env = json.loads(emr("sandbox", "env", "--json", quiet=True))
    role = next(arn for arn in status["roles"] if arn.endswith(f"/{ROLE}"))
    emr("list", env=env, show=True)  # three kinds of compute, of two accounts
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "demo.ipynb"
        words = ["run", str(HERE / "demo.ipynb"), "--compute", COMPUTE, "--runtime-role", role, "-o", str(result)]
        print(emr(*words, env=env), flush=True)
        print("Spark's answer:\n")
        print("\n".join(answer_of(result)))
    ended = time.monotonic()
    memory = json.loads(emr("sandbox", "status", "--json", quiet=True))["rss_mb"]
    print(f"Ran on the cluster {COMPUTE!r} under the runtime role {role}.")
    print(f"Sandbox up in {up - started:.1f} s, notebook in {ended - up:.1f} s; the sandbox takes {memory:.0f} MB.")
    print("The sandbox goes on running: try `make lab`, or stop it with `make down`.")


if __name__ == "__main__":
    main()
