"""Events for the audit: each change of who, what and where, and each refusal; without secrets, whoever listens."""

from __future__ import annotations

import json
import logging

import pytest

from jupyter_emr_connect.models import Attachment, KernelRecord
from jupyter_emr_connect.services.attachments.resolution import open_attachments
from jupyter_emr_connect.services.audit import BASE
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger

SCHEMA_ID = f"{BASE}/attachments/v1"
ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"


@pytest.fixture
def heard(jp_serverapp):
    """All events of ours, as a log handler of the administrator's gets them; ``user`` must be there for requests."""
    lines: list[dict] = []

    class Keeper(logging.Handler):
        def emit(self, record):
            event = json.loads(self.format(record))
            if event["__schema__"].startswith(BASE):
                lines.append({name: value for name, value in event.items() if not name.startswith("_")})
                assert (lines[-1].pop("user", None) is None) == (lines[-1]["source"] == "contents")

    jp_serverapp.event_logger.register_handler(Keeper())
    return lines


@pytest.mark.slow
async def test_attach_change_and_detach_are_told(cloud, rest, heard, notebook):
    await rest("GET", "identity")
    sent = {"compute": "analytics", "runtime_role": ROLE, "path": "work/report.ipynb"}
    made = (await rest("POST", "attachments", sent)).json
    changed = await rest("PATCH", f"attachments/{made['id']}", {"compute": "open", "runtime_role": None})
    assert changed.json | {"compute": cloud.id("open"), "runtime_role": None, "id": made["id"]} == changed.json
    assert (changed.json["path"], changed.json["created_at"]) == (made["path"], made["created_at"])
    await rest("DELETE", f"attachments/{made['id']}")
    common = {
        "path": "work/report.ipynb",
        "transport": "auto",
        "profile": "developer",
        "caller": "arn:aws:iam::123456789012:user/developer",
        "source": "rest",
    }
    assert heard == [
        {"action": "attach", "compute": cloud.id("analytics"), "runtime_role": ROLE, **common},
        {"action": "change", "compute": cloud.id("open"), **common},
        {"action": "detach", "compute": cloud.id("open"), **common},
    ]


async def test_refusals_are_told_with_their_code(rest, heard, notebook):
    forbidden = ROLE.replace("EMRAnalyst", "EMRForbidden")
    await rest("POST", "attachments", {"compute": "analytics", "runtime_role": forbidden, "path": "work/report.ipynb"})
    await rest("POST", "attachments", {"compute": "open", "path": "../outside"})
    await rest("POST", "attachments", {"compute": "open"})  # understood by nobody, so nothing was asked for
    assert [(event["action"], event["code"], event.get("hop"), event["path"]) for event in heard] == [
        ("refused", "runtime-role-denied", "credentials", "work/report.ipynb"),
        ("refused", "path", None, "../outside"),
    ]
    assert heard[0]["runtime_role"] == forbidden


async def test_a_change_of_the_servers_identity_is_told_and_so_is_its_refusal(rest, heard):
    await rest("GET", "identity")
    await rest("PUT", "identity", {"profile": "analyst"})
    await rest("POST", "identity", {"profile": "nobody"})
    await rest("PUT", "identity", {"profile": None})
    user = "arn:aws:iam::123456789012:user"
    assert heard == [
        {
            "action": "change",
            "source": "rest",
            "profile": "analyst",
            "caller": f"{user}/analyst",
            "former_caller": f"{user}/developer",
        },
        {
            "action": "refused",
            "source": "rest",
            "profile": "nobody",
            "former_profile": "analyst",
            "former_caller": f"{user}/analyst",
            "code": "no-credentials",
        },
        {
            "action": "change",
            "source": "rest",
            "caller": f"{user}/developer",
            "former_profile": "analyst",
            "former_caller": f"{user}/analyst",
        },
    ]


async def test_a_kernel_that_changes_hands_or_is_deleted_is_told(cloud, jp_serverapp, rest, heard, notebook):
    state = jp_serverapp.web_app.settings["emr_connect"].state_file
    record = KernelRecord("k1", cloud.id("open"), "emr-python", "http://h:1", path="/w/n.ipynb", region="us-east-1")
    Ledger(Database(state)).add(record)
    await rest("GET", "identity")
    await rest("POST", "kernels/k1/adopt", {"path": "work/report.ipynb"})
    await rest("DELETE", "kernels/k1", query="force=true")
    await rest("DELETE", "kernels/k1")
    common = {
        "source": "rest",
        "kernel_id": "k1",
        "compute": cloud.id("open"),
        "path": str(notebook),
        "caller": "arn:aws:iam::123456789012:user/developer",
    }
    assert heard[:2] == [
        {"action": "adopt", "force": False, **common},
        {"action": "delete", "force": True, **common},
    ]
    assert heard[2:] == [
        {"action": "refused", "source": "rest", "kernel_id": "k1", "force": False, "code": "kernel-unknown"}
    ]


async def test_where_an_attachment_goes_with_its_file_is_told(cloud, jp_serverapp, rest, heard, notebook, jp_fetch):
    config = jp_serverapp.web_app.settings["emr_connect"]
    open_attachments(config).put(Attachment("j-1", ROLE, path=str(notebook)))
    await jp_fetch("api", "contents", "work", method="PATCH", body=json.dumps({"path": "moved"}))
    await rest("GET", "attachments")
    await jp_fetch("api", "contents", "moved", "report.ipynb", method="DELETE")
    await rest("GET", "attachments")
    common = {"source": "contents", "compute": "j-1", "runtime_role": ROLE, "transport": "auto"}
    assert [{name: value for name, value in event.items() if name != "caller"} for event in heard] == [
        {"action": "move", "path": "moved/report.ipynb", "former_path": "work/report.ipynb", **common},
        {"action": "drop", "path": "moved/report.ipynb", **common},
    ]


async def test_a_listener_that_fails_breaks_no_request(jp_serverapp, rest, notebook):
    def fail(schema_id, data):
        raise RuntimeError

    jp_serverapp.event_logger.add_modifier(schema_id=SCHEMA_ID, modifier=fail)
    made = await rest("POST", "attachments", {"compute": "open", "path": "work/report.ipynb"})
    assert made.status == 201
