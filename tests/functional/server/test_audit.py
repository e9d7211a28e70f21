"""Events for the audit: attached, changed, detached, refused; without secrets, whoever listens."""

from __future__ import annotations

import json
import logging

import pytest

from jupyter_emr_connect.server.audit import SCHEMA_ID

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"


@pytest.fixture
def heard(jp_serverapp):
    """All events of ours, as a log handler of the administrator's gets them."""
    lines: list[dict] = []

    class Keeper(logging.Handler):
        def emit(self, record):
            event = json.loads(self.format(record))
            if event["__schema__"] == SCHEMA_ID:
                lines.append({name: value for name, value in event.items() if not name.startswith("_")})

    jp_serverapp.event_logger.register_handler(Keeper())
    return lines


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


async def test_a_listener_that_fails_breaks_no_request(jp_serverapp, rest, notebook):
    def fail(schema_id, data):
        raise RuntimeError

    jp_serverapp.event_logger.add_modifier(schema_id=SCHEMA_ID, modifier=fail)
    made = await rest("POST", "attachments", {"compute": "open", "path": "work/report.ipynb"})
    assert made.status == 201
