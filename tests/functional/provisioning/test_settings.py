"""Whose settings a kernel starts with: its server's own, else those of the configuration files."""

from __future__ import annotations

from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager
from jupyter_client.multikernelmanager import MultiKernelManager

from jupyter_emr_connect.config import SETTINGS_ATTRIBUTE, EMRConnect
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
