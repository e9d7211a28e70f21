"""The sandbox as a server's AWS: whether its extra is installed, and what changes in a process that uses it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from ..config import CONFIG_FILES, EMRConnect

MODULES = ("moto", "cryptography", "psutil", "trustme", "uv")
"""What the extra `sandbox` installs beside the base package."""


def missing_modules() -> list[str]:
    """Return the modules of the extra `sandbox` that are not installed."""
    return [module for module in MODULES if find_spec(module) is None]


def use_as_aws(config: EMRConnect, environment: Mapping[str, str]) -> None:
    """Let this process, and those that it starts from now on, ask a sandbox in place of AWS.

    ``environment`` is what `jupyter emr sandbox env --json` prints. It takes the place of all variables of AWS's, for
    a key or role among them would win over the sandbox's profile. The process's own ``config`` is given the sandbox's
    certificates and roles; processes that it starts read them from the sandbox's ``JUPYTER_CONFIG_PATH``. It lasts as
    long as the process. Reads a file, and blocks; raises ``OSError`` and ``ValueError`` where that cannot be read.
    """
    from ..aws.session import forget  # what a server does not need to start

    folder = environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0]
    text = (Path(folder) / f"{CONFIG_FILES[-1]}.json").read_text(encoding="utf-8")
    settings = json.loads(text)[EMRConnect.__name__]
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(environment)
    config.profile, config.profiles, config.regions = "", [], []
    config.certificate_authorities = {**config.certificate_authorities, **settings["certificate_authorities"]}
    config.runtime_roles, config.access_roles = settings["runtime_roles"], settings["access_roles"]
    forget()
