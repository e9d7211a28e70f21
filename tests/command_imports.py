"""What the process has that commands and Jupyter servers of tests are forked from: see :mod:`tests.commands`.

The package's modules, botocore with its models of the services that commands ask first, and few objects for the
collector of garbage to look through, for each page it writes to would be copied in each command.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager

import jupyter_emr_connect
from tests import botocore_caches

LEFT_OUT = ("sandbox", "magics")  # no command and no server needs them, but for one module
BESIDES = (
    "jupyter_emr_connect.sandbox.supervisor.control_client",
    "papermill",
    "jupyter_server.serverapp",
    "nbconvert",
)
SERVICES = ("sts", "emr", "emr-containers", "emr-serverless", "iam", "s3", "ec2")


def _import_modules() -> None:
    for module in pkgutil.walk_packages(jupyter_emr_connect.__path__, "jupyter_emr_connect."):
        if module.name.split(".")[1] not in LEFT_OUT:
            importlib.import_module(module.name)
    for name in BESIDES:
        importlib.import_module(name)


@contextmanager
def _keys_of_nobody() -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("AWS_")]:  # those of the test that is the first
        del os.environ[name]
    os.environ.update(AWS_ACCESS_KEY_ID="AKIANOBODY", AWS_SECRET_ACCESS_KEY="none", AWS_CONFIG_FILE=os.devnull)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _load_models() -> None:
    """Make a client of each service, which calls nobody, and forget it: what stays is what botocore has loaded."""
    from jupyter_emr_connect.aws.session import AWSSession, SessionKey, forget

    with _keys_of_nobody():
        session = AWSSession(SessionKey(region="us-east-1"))
        for service in SERVICES:
            client = session._client(service)
            client.can_paginate(next(iter(client.meta.method_to_api_mapping)))
    forget()


botocore_caches.install()
_import_modules()
_load_models()
gc.collect()
gc.freeze()
