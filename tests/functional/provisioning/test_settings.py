"""Whose settings a kernel starts with: its server's own, else those of the configuration files."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from jupyter_client.multikernelmanager import MultiKernelManager

from jupyter_emr_connect.config import SETTINGS_ATTRIBUTE, EMRConnect, load_config
from jupyter_emr_connect.errors import ConfigurationError
from jupyter_emr_connect.provisioning.provisioner import EMRProvisioner


def test_configuration_code_is_not_executed_again_for_a_servers_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "jupyter_server_config.py").write_text(
        f"with open({str(ran)!r}, 'a') as file: file.write('x')\nc.EMRConnect.gateway_port = 5\n"
    )
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    served = MultiKernelManager()
    settings = EMRConnect(gateway_port=7)
    setattr(served, SETTINGS_ATTRIBUTE, settings)
    for _ in range(3):
        assert EMRProvisioner(parent=KernelManager(parent=served))._settings() is settings
    assert not ran.exists()
    for _ in range(3):
        assert EMRProvisioner(parent=KernelManager())._settings().gateway_port == 5
    assert ran.read_text() == "x"


def test_who_shows_no_widgets_is_shown_no_progress_bars(tmp_path: Path) -> None:
    """nbclient, papermill and consoles; in a server's notebook, and in a front end that starts us as a process, are."""
    spec = KernelSpec(resource_dir=str(tmp_path), language="python")
    parents = (KernelManager(), KernelManager(parent=MultiKernelManager()), None)
    requests = [EMRProvisioner(parent=one, kernel_spec=spec)._request({}, None) for one in parents]
    assert [one.widgets for one in requests] == [False, True, True]


FAILS = "c.EMRConnect.gateway_port = 5\n1 / 0\n"


def test_a_configuration_file_of_jupyters_own_that_fails_is_named_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be meant for a server alone: a headless run goes on with the other files."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    failing = tmp_path / "jupyter_server_config.py"
    failing.write_text(FAILS)
    (tmp_path / "jupyter_emr_connect_config.json").write_text('{"EMRConnect": {"ready_timeout": 7.0}}')
    config = load_config()
    assert f"The configuration file {failing} fails in line 2: ZeroDivisionError" in caplog.text
    assert config.EMRConnect == {"ready_timeout": 7.0}


def test_our_configuration_file_that_fails_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    failing = tmp_path / "jupyter_emr_connect_config.py"
    failing.write_text(FAILS)
    with pytest.raises(ConfigurationError, match=r"jupyter_emr_connect_config\.py fails in line 2: ZeroDivisionError"):
        load_config()
