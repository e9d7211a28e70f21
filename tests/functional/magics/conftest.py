"""`%emr` in an IPython of the test's own, on the emulated AWS."""

from __future__ import annotations

import atexit
import json
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from jupyter_emr_connect import load_ipython_extension


@pytest.fixture
def shell(cloud, tmp_path, capsys) -> Iterator[InteractiveShell]:
    """A shell as a notebook's kernel has it, with the extension loaded."""
    settings = {"EMRConnect": {"runtime_roles": [cloud.roles["EMRAnalyst"]]}}
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "jupyter_emr_connect_config.json").write_text(json.dumps(settings))
    made = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    load_ipython_extension(made)
    yield made
    InteractiveShell.clear_instance()
    atexit.unregister(made.atexit_operations)  # each shell would have all garbage of pytest collected at its end
