"""JupyterLab with the sandbox's clusters (`make lab`); further words go to ``jupyter lab``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Bring up the sandbox, attach the examples folder to ``open``, and become ``jupyter lab``."""
    subprocess.run(["jupyter-emr", "sandbox", "up"], check=True)
    asked = ["jupyter-emr", "sandbox", "env", "--json"]
    env = os.environ | json.loads(subprocess.run(asked, stdout=subprocess.PIPE, check=True).stdout)
    subprocess.run(["jupyter-emr", "attach", "open", str(HERE)], env=env, check=True)
    root = ["--allow-root"] if os.geteuid() == 0 else []
    os.execvpe("jupyter", ["jupyter", "lab", f"--notebook-dir={HERE}", *root, *sys.argv[1:]], env)


if __name__ == "__main__":
    main()
