"""Which compute, role and profile ``jupyter emr run`` hands to the kernel's start."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.cli.context import CommandContext
from jupyter_emr_connect.cli.run import kernel_environment
from jupyter_emr_connect.errors import MalformedRole
from jupyter_emr_connect.services.attachments.location import KernelLocation
from jupyter_emr_connect.services.attachments.resolution import resolve

ROLE = "arn:aws:iam::123456789012:role"


@pytest.fixture
def handed(cloud, tmp_path):
    def ask(compute=None, role=None, transport="auto", **face):
        options = CommandContext(False, face.get("profile"), face.get("region"))
        env = kernel_environment(options, tmp_path / "n.ipynb", compute, role, transport, face.get("kernelspec", {}))
        return resolve(options.config, env, KernelLocation(env["JPY_SESSION_NAME"]))

    return ask


def test_options(handed):
    found = handed("open", profile="analyst", region="eu-west-1")
    assert (found.compute, found.runtime_role, found.profile, found.region) == ("open", None, "analyst", "eu-west-1")


def test_a_compute_named_here_comes_without_the_role_of_the_environment(handed, monkeypatch):
    monkeypatch.setenv("EMR_CONNECT_COMPUTE", "analytics")
    monkeypatch.setenv("EMR_CONNECT_RUNTIME_ROLE", f"{ROLE}/EMRAnalyst")
    assert handed("open").runtime_role is None
    assert handed().runtime_role == f"{ROLE}/EMRAnalyst"
    assert handed(role=f"{ROLE}/EMREngineer").runtime_role == f"{ROLE}/EMREngineer"


def test_what_a_kernelspec_sets_counts_but_the_command_line_goes_before_it(handed, monkeypatch):
    kernelspec = {"EMR_CONNECT_COMPUTE": "analytics", "EMR_CONNECT_RUNTIME_ROLE": f"{ROLE}/EMRAnalyst"}
    monkeypatch.setenv("EMR_CONNECT_COMPUTE", "open")
    found = handed(kernelspec=kernelspec)
    assert (found.compute, found.runtime_role) == ("analytics", f"{ROLE}/EMRAnalyst")
    assert handed(role=f"{ROLE}/EMREngineer", kernelspec=kernelspec).runtime_role == f"{ROLE}/EMREngineer"
    found = handed("open", kernelspec=kernelspec)
    assert (found.compute, found.runtime_role) == ("open", None)


def test_a_role_named_here_goes_before_the_attachments(cloud, emr, handed, tmp_path):
    words = ("--runtime-role", f"{ROLE}/EMRAnalyst", "--profile", "administrator")
    assert emr("attach", "analytics", str(tmp_path), "--no-check", *words).code == 0
    assert handed().runtime_role == f"{ROLE}/EMRAnalyst"
    found = handed(role=f"{ROLE}/EMREngineer")
    assert (found.compute, found.runtime_role) == (cloud.id("analytics"), f"{ROLE}/EMREngineer")
    assert found.profile == "administrator"


def test_a_malformed_role_is_refused_here(handed, emr, tmp_path):
    emr("attach", "open", str(tmp_path), "--no-check")
    with pytest.raises(MalformedRole):
        handed(role="role/EMRAnalyst")
    assert handed(role="EMRAnalyst").runtime_role == "EMRAnalyst"
