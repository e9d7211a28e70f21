"""``attachments``: made, proved, changed, ended."""

from __future__ import annotations

from datetime import datetime, timezone

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"


async def test_attach_read_list_and_detach(cloud, rest, notebook, jp_base_url):
    made = await rest("POST", "attachments", {"compute": "open", "path": "work/report.ipynb"})
    assert made.status == 201, made.text
    one = made.json
    assert (one["compute"], one["path"], one["transport"]) == (cloud.id("open"), "work/report.ipynb", "auto")
    assert (one["profile"], one["region"], one["runtime_role"]) == ("developer", "us-east-1", None)
    assert made.headers["Location"] == f"{jp_base_url}jupyter-emr-connect/attachments/{one['id']}"
    assert (await rest("GET", "attachments")).json["items"] == [one]
    assert (await rest("GET", f"attachments/{one['id']}")).json == one
    assert (await rest("DELETE", f"attachments/{one['id']}")).status == 204
    gone = await rest("GET", f"attachments/{one['id']}")
    assert (gone.status, gone.json["code"]) == (404, "attachment-not-found")
    assert (await rest("GET", "attachments")).json["items"] == []


async def test_the_credentials_expiry_is_that_of_the_pair_in_memory(cloud, rest, notebook):
    sent = {"compute": "analytics", "runtime_role": ROLE, "path": "work/report.ipynb"}
    one = (await rest("POST", "attachments", sent)).json
    told = datetime.fromisoformat(one["credentials_expire_at"])
    issued = max(pair.expires_at for pair in cloud.world.pairs._pairs.values())
    assert abs(told.timestamp() - issued) < 2
    assert told > datetime.now(timezone.utc)
    again = (await rest("GET", f"attachments/{one['id']}")).json
    assert again["credentials_expire_at"] == one["credentials_expire_at"]
