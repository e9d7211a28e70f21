"""``jupyter emr attach``, ``status`` and ``detach``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pexpect
import pytest

from jupyter_emr_connect.config import EMRConnect, load_config
from jupyter_emr_connect.errors import NotAttached
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.services.attachments.location import KernelLocation
from jupyter_emr_connect.services.attachments.resolution import resolve
from jupyter_emr_connect.services.kernels.ownership import ownership
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger

OURS = Path(__file__).parents[3] / "kernels" / "emr-python"
RUN = "from jupyter_emr_connect.cli.main import main; main()"
pytestmark = pytest.mark.usefixtures("gateway")


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "work" / "deep" / "n.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    return path


def test_attach_a_notebook_keeps_the_id_and_shows_it(cloud, emr, notebook):
    made = emr("attach", "open", str(notebook), "--json").json
    assert made["compute"] == cloud.id("open")
    assert made["path"] == str(notebook)
    assert made["id"]
    assert made.pop("kernels") == []
    assert emr("status", "--json").json["items"] == [made]
    assert cloud.id("open") in emr("status").out


def test_attach_follows_a_notebook_that_is_renamed_meanwhile(emr, gateway, notebook):
    gateway.hold.clear()

    def rename() -> None:
        while not gateway.asked:
            time.sleep(0.02)
        notebook.rename(notebook.with_name("renamed.ipynb"))
        gateway.hold.set()

    renaming = threading.Thread(target=rename, daemon=True)
    renaming.start()
    shown = emr("attach", "open", str(notebook), "--json").json
    renaming.join()
    assert shown["path"] == str(notebook.with_name("renamed.ipynb"))
    assert emr("status", "--json").json["items"][0]["path"] == shown["path"]


def test_attach_with_a_role_proves_that_it_may_be_taken(cloud, emr, notebook):
    role = cloud.roles["EMRAnalyst"]
    made = emr("attach", "analytics", str(notebook), "--runtime-role", role, "--json").json
    assert made["runtime_role"] == role
    assert made["credentials_expire_at"]
    assert cloud.calls("GetClusterSessionCredentials") == 1


@pytest.mark.slow
@pytest.mark.parametrize("check", ["--check", "--no-check"])
def test_attach_with_a_role_by_its_name_keeps_the_arn(cloud, emr, notebook, check):
    made = emr("attach", "analytics", str(notebook), "--runtime-role", "EMRAnalyst", check, "--json").json
    assert made["runtime_role"] == cloud.roles["EMRAnalyst"]
    (kept,) = emr("status", "--json").json["items"]
    assert (kept["runtime_role"], kept["compute_name"]) == (made["runtime_role"], "analytics")


def test_attach_warns_of_a_role_that_only_a_session_would_show_to_be_refused(emr, notebook):
    words = ("attach", "interactive", str(notebook), "--no-check", "--runtime-role")
    refused = emr(*words, "EMRForbidden")
    assert refused.code == 0
    assert "will presumably be refused: Your policy does not allow iam:PassRole on this role." in refused.err
    assert "presumably" not in emr(*words, "EMRAnalyst").err


@pytest.mark.slow
def test_attach_is_kept_only_when_the_gateway_takes_the_role(cloud, emr, gateway, notebook):
    gateway.refuse.add("analytics")
    words = ("attach", "analytics", str(notebook), "--runtime-role", cloud.roles["EMRAnalyst"])
    emr(*words).failed_with("The gateway of 'analytics'")
    assert emr("status", "--json").json["items"] == []
    as_json = emr(*words, "--json")
    assert (as_json.code, json.loads(as_json.err)["hop"]) == (1, "gateway")
    assert gateway.asked
    assert emr(*words, "--no-check").code == 0
    assert len(emr("status", "--json").json["items"]) == 1


def test_without_the_check_the_gateway_is_not_asked(cloud, emr, gateway, notebook):
    role = cloud.roles["EMRAnalyst"]
    assert emr("attach", "analytics", str(notebook), "--runtime-role", role, "--no-check").code == 0
    assert gateway.asked == []
    assert cloud.calls("GetClusterSessionCredentials") == 1


@pytest.mark.slow
def test_a_terminal_sees_which_hop_is_asked(gateway, notebook):
    gateway.hold.clear()
    words = ["-c", RUN, "attach", "open", str(notebook)]
    terminal = {**os.environ, "TERM": "xterm-256color"}
    with pexpect.spawn(sys.executable, words, encoding="utf-8", timeout=60, env=terminal) as shown:
        shown.expect("credentials …")
        shown.expect("gateway …")
        gateway.hold.set()
        shown.expect("Attached .*n.ipynb to open")
        shown.expect(pexpect.EOF)
    assert shown.exitstatus == 0


def test_the_nearest_attachment_counts(cloud, emr, notebook):
    emr("attach", "open", str(notebook.parent.parent))
    role = cloud.roles["EMRAnalyst"]
    emr("attach", "analytics", str(notebook), "--runtime-role", role)
    config = EMRConnect()
    assert resolve(config, {}, KernelLocation(str(notebook))).compute == cloud.id("analytics")
    assert resolve(config, {}, KernelLocation(str(notebook.with_name("other.ipynb")))).compute == cloud.id("open")
    with pytest.raises(NotAttached):
        resolve(config, {}, KernelLocation(str(notebook.parent.parent.parent / "elsewhere.ipynb")))


def test_the_environment_comes_first(emr, notebook):
    emr("attach", "open", str(notebook))
    found = resolve(EMRConnect(), {"EMR_CONNECT_COMPUTE": "analytics"}, KernelLocation(str(notebook)))
    assert (found.compute, found.runtime_role, found.transport) == ("analytics", None, "auto")


def test_attach_again_replaces(cloud, emr, notebook):
    emr("attach", "open", str(notebook))
    emr("attach", "analytics", str(notebook), "--runtime-role", cloud.roles["EMREngineer"])
    kept = emr("status", "--json").json["items"]
    assert [one["compute"] for one in kept] == [cloud.id("analytics")]


def test_attach_names_the_kernels_that_keep_the_former_role(cloud, emr, notebook):
    """Of those for which the attachment holds; not one of a notebook with an attachment of its own."""
    config, engineer = EMRConnect(), cloud.roles["EMREngineer"]
    ledger, owner = Ledger(Database(config.state_file)), ownership(config.state_file).present()
    others = notebook.with_name("other.ipynb")
    for name, path, role in (
        ("k-old", notebook, cloud.roles["EMRAnalyst"]),
        ("k-new", notebook, engineer),
        ("k-none", others, None),
        ("k-elsewhere", notebook.parents[3] / "x.ipynb", None),
    ):
        row = KernelRecord(name, cloud.id("analytics"), "emr-python", None, runtime_role=role, path=str(path))
        ledger.add(row, owner)
    words = ("attach", "analytics", "--runtime-role", engineer)
    said = emr(*words, str(notebook)).out.splitlines()
    assert said[1:] == [
        f"Kernel k-old of {notebook} still runs on {cloud.id('analytics')} under {cloud.roles['EMRAnalyst']}, "
        "until it is restarted."
    ]
    folder = emr(*words, str(notebook.parent.parent), "--json").json["kernels"]
    assert [(kernel["kernel_id"], kernel["runtime_role"]) for kernel in folder] == [("k-none", None)]


def test_status_of_a_notebook_counts_what_its_kernelspec_sets(emr, notebook, tmp_path, monkeypatch):
    emr("attach", "open", str(notebook.parent), "--no-check")
    shutil.copytree(OURS, tmp_path / "share" / "kernels" / "emr-fixed")
    spec = tmp_path / "share" / "kernels" / "emr-fixed" / "kernel.json"
    spec.write_text(json.dumps(json.loads(spec.read_text()) | {"env": {"EMR_CONNECT_COMPUTE": "analytics"}}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    for name, compute in (("emr-fixed", "analytics"), ("emr-python", None), ("no-such-kernel", None)):
        nbformat.write(
            nbformat.v4.new_notebook(metadata={"kernelspec": {"name": name, "display_name": name}}), notebook
        )
        (shown,) = emr("status", str(notebook), "--json").json["items"]
        assert (shown["compute"] if not shown["path"] else None) == compute


def test_status_of_a_notebook_that_does_not_exist_says_so(emr, notebook):
    emr("attach", "open", str(notebook.parent))
    typo = notebook.with_name("typo.ipynb")
    emr("status", str(typo)).failed_with(f"There is no notebook or folder '{typo}'.")
    emr("attach", "open", str(notebook))
    notebook.unlink()  # on another git branch, say: its own attachment is still there
    (own,) = emr("status", str(notebook), "--json").json["items"]
    assert own["path"] == str(notebook)


@pytest.mark.parametrize("option", ["--profile", "--region"])
def test_a_profile_that_has_no_effect_is_said_to_have_none(emr, notebook, option):
    emr("attach", "open", str(notebook))
    for words in (("detach", str(notebook)), ("kernels", "--no-check")):
        done = emr(*words, option, "other")
        assert done.code == 0
        assert f"{words[0]} {option} has no effect" in done.err


def test_detach(emr, notebook):
    emr("attach", "open", str(notebook))
    assert emr("detach", str(notebook)).code == 0
    assert emr("status", "--json").json["items"] == []


def test_status_says_who_one_is(emr):
    who = emr("status", "--json").json["identity"]
    assert who["arn"] == "arn:aws:iam::123456789012:user/developer"
    assert (who["account"], who["region"], who["profile"]) == ("123456789012", "us-east-1", "developer")


def test_status_without_credentials_still_shows_attachments(emr, notebook, monkeypatch):
    emr("attach", "open", str(notebook))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    shown = emr("status")
    assert shown.code == 1
    assert str(notebook) in shown.out
    assert "nobody" in shown.err
    as_json = emr("status", "--json")
    assert as_json.code == 1
    assert [error["code"] for error in as_json.json["errors"]] == ["no-credentials"]
    assert len(as_json.json["items"]) == 1


def test_the_state_file_is_for_the_user_alone(emr, notebook, tmp_path):
    emr("attach", "open", str(notebook))
    folder = tmp_path / "data" / "emr-connect"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.glob("state.sqlite*")} == {0o600}


@pytest.mark.slow
def test_a_refusal_is_all_that_a_process_of_its_own_says(cloud, notebook):
    words = ["attach", "analytics", str(notebook), "--runtime-role", cloud.roles["EMRForbidden"]]
    done = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert [line[:6] for line in done.stderr.splitlines()] == ["Error:", "  Choo"], done.stderr


def test_what_the_command_line_changes_goes_to_the_audit_of_jupyters_configuration(cloud, emr, tmp_path, notebook):
    events = tmp_path / "events.jsonl"
    (tmp_path / "config" / "jupyter_server_config.py").write_text(
        f"import logging\nc.EventLogger.handlers = [logging.FileHandler({str(events)!r})]\n"
    )
    state = json.loads((tmp_path / "config" / "jupyter_emr_connect_config.json").read_text())["EMRConnect"]
    forbidden = cloud.roles["EMRAnalyst"].replace("EMRAnalyst", "EMRForbidden")
    assert emr("attach", "open", str(notebook)).code == 0
    assert emr("attach", "analytics", str(notebook), "--runtime-role", forbidden).code == 1
    assert emr("detach", str(notebook)).code == 0
    ledger = Ledger(Database(EMRConnect(**state).state_file))
    ledger.add(KernelRecord("kernel-1", cloud.id("open"), "emr-python", "http://h:1", path=str(notebook)))
    assert emr("kernels", "adopt", "kernel-1").code == 0
    assert emr("kernels", "shutdown", "kernel-1").code == 0
    assert emr("kernels", "shutdown", "kernel-1").code == 1
    load_config().EventLogger.handlers[0].close()
    told = [json.loads(line) for line in events.read_text().splitlines()]
    assert [
        (event["__schema__"].split("/")[-2], event["action"], event.get("compute"), event.get("code")) for event in told
    ] == [
        ("attachments", "attach", cloud.id("open"), None),
        ("attachments", "refused", "analytics", "runtime-role-denied"),
        ("attachments", "detach", cloud.id("open"), None),
        ("kernels", "adopt", cloud.id("open"), None),
        ("kernels", "delete", cloud.id("open"), None),
        ("kernels", "refused", None, "kernel-unknown"),
    ]
    assert {event["source"] for event in told} == {"cli"}
    assert all(event["user"] for event in told)
