"""Runs one of sparkmagic's kernels on the cluster's own Livy; executed by the kernels' Python, never imported by us.

``sparkmagic_launcher.py KERNELSPEC -f FILE``. Settings are overridden in this process (sparkmagic's
``configuration.override``), so no configuration file can change where the kernel goes.
"""

from __future__ import annotations

import importlib
import os
import sys
import uuid
import warnings
from typing import Any

from sparkmagic.utils import configuration

KERNELS = {
    "pysparkkernel": ("sparkmagic.kernels.pysparkkernel.pysparkkernel", "PySparkKernel"),
    "sparkkernel": ("sparkmagic.kernels.sparkkernel.sparkkernel", "SparkKernel"),
    "sparkrkernel": ("sparkmagic.kernels.sparkrkernel.sparkrkernel", "SparkRKernel"),
}


def settings() -> dict[str, Any]:
    """Return what differs from sparkmagic's defaults, most of it against its traps (reference 7.4)."""
    kernel_id = os.environ["KERNEL_ID"]
    endpoint = {
        "username": "",
        "password": "",
        "url": f"{os.environ['EMR_CONNECT_LIVY_URL']}/kernels/{kernel_id}",
        "auth": "None",
    }
    return {
        "kernel_python_credentials": endpoint,
        "kernel_scala_credentials": endpoint,
        "kernel_r_credentials": endpoint,
        "custom_headers": {"X-Requested-By": "sparkmagic"},
        # A restarted kernel keeps its KERNEL_ID, and Livy refuses a name that is still taken.
        "session_configs_defaults": {"name": f"kernel-{kernel_id}-{uuid.uuid4().hex[:8]}"},
        # Deleting a session waits for the heartbeat thread to wake.
        "heartbeat_refresh_seconds": 5,
        "livy_session_startup_timeout_seconds": 180,
        "wait_for_idle_timeout_seconds": 60,
        # A retried POST /sessions would leave sessions behind.
        "configurable_retry_policy_max_retries": 0,
        "use_auto_viz": False,
        "logging_config": {"version": 1, "disable_existing_loggers": False},
    }


def main() -> None:
    """Apply the settings and run the kernel named by the first argument."""
    name = sys.argv.pop(1)
    for setting, value in settings().items():
        configuration.override(setting, value)
    # sparkmagic tries every text column of an answer as dates; newer pandas than its own warns about each.
    warnings.filterwarnings("ignore", "Could not infer format", UserWarning)
    module, kernel = KERNELS[name]
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(kernel_class=getattr(importlib.import_module(module), kernel))


if __name__ == "__main__":
    main()
