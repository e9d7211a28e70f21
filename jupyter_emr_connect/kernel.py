"""A gateway kernel as a process, ``python -m jupyter_emr_connect.kernel -f FILE``: the ``argv`` of our kernelspecs.

For front ends that ignore kernel provisioners, VS Code among them. What it does is in ``provisioning.process``.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python looks first in the folder that it is started in, the notebook's, which may hold a module of any name.
    if sys.path[:1] == [str(Path.cwd())]:
        del sys.path[0]
    from jupyter_emr_connect.provisioning.process import main

    sys.exit(main(sys.argv[1:]))
