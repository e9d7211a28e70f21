"""``attachments``: made, proved, changed, ended."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone

from jupyter_emr_connect.server.paths import PathMapper

ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"


async def test_attach_read_list_and_detach(cloud, rest, notebook, jp_base_url):
    made = await rest("POST", "attachments", {"compute": "open", "path": "work/report.ipynb"})
    assert made.status == 201, made.text
    one = made.json
    assert one.pop("kernels") == []
    assert (one["compute"], one["path"], one["transport"]) == (cloud.id("open"), "work/report.ipynb", "auto")
    assert (one["profile"], one["region"], one["runtime_role"]) == ("developer", "us-east-1", None)
    assert made.headers["Location"] == f"{jp_base_url}jupyter-emr-connect/attachments/{one['id']}"
    assert (await rest("GET", "attachments")).json["items"] == [one]
    assert (await rest("GET", f"attachments/{one['id']}")).json == one
    assert (await rest("DELETE", f"attachments/{one['id']}")).status == 204
    gone = await rest("GET", f"attachments/{one['id']}")
    assert (gone.status, gone.json["code"]) == (404, "attachment-not-found")
    assert (await rest("GET", "attachments")).json["items"] == []

    # Two tabs at once, to different computes: the last counts, and neither is left beside it.
    there = ({"compute": "open"}, {"compute": "analytics", "runtime_role": ROLE})
    both = await asyncio.gather(*(rest("POST", "attachments", {**what, "path": "work/report.ipynb"}) for what in there))
    assert [answer.status for answer in both] == [201, 201]
    (left,) = (await rest("GET", "attachments")).json["items"]
    assert left["compute"] in {answer.json["compute"] for answer in both}
    assert (left["runtime_role"] == ROLE) == (left["compute"] == cloud.id("analytics"))


async def test_a_linked_folder_is_a_part_of_the_servers(cloud, rest, notebook, jp_root_dir, jp_serverapp, tmp_path):
    """Found again by a later server too, which has yet seen nothing of the link."""
    shared = tmp_path / "elsewhere" / "shared"
    shared.mkdir(parents=True)
    (shared / "n.ipynb").write_text("{}")
    (jp_root_dir / "link").symlink_to(shared)
    (jp_root_dir / "work" / "deep").symlink_to(shared)
    folder = (await rest("POST", "attachments", {"compute": "open", "path": "work"})).json
    holding = await rest("GET", "attachments", params={"path": "work/deep/n.ipynb"})
    assert [one["id"] for one in holding.json["items"]] == [folder["id"]]
    made = (await rest("POST", "attachments", {"compute": "open", "path": "link/n.ipynb"})).json
    assert made["path"] == "link/n.ipynb"
    holding = await rest("GET", "attachments", params={"path": "work/deep/n.ipynb"})
    assert [one["id"] for one in holding.json["items"]] == [made["id"], folder["id"]]
    later = PathMapper(jp_serverapp.contents_manager)
    assert later.api_path(str(shared / "n.ipynb")) is None
    assert later.reaches(str(shared / "n.ipynb"))
    assert later.api_path(str(shared / "n.ipynb")) == "link/n.ipynb"
    assert not later.reaches(str(tmp_path / "elsewhere" / "other.ipynb"))
    assert (await rest("DELETE", f"attachments/{made['id']}")).status == 204


async def test_names_may_have_any_characters_but_control_characters(rest, notebook, jp_root_dir):
    for name in (
        "\u5831\u544a\u3000\u4e00.ipynb",
        "a\u00a0b.ipynb",
        "\u0645\u06cc\u200c\u0634.ipynb",
        "\U0001f469\u200d\U0001f4bb.ipynb",
    ):
        (jp_root_dir / "work" / name).write_text("{}")
        made = await rest("POST", "attachments", {"compute": "open", "path": f"work/{name}"})
        assert (made.status, made.json["path"]) == (201, f"work/{name}"), made.text
        holding = await rest("GET", "attachments", params={"path": f"RTC:work/{name}"})
        assert [one["path"] for one in holding.json["items"]] == [f"work/{name}"]


async def test_the_credentials_expiry_is_that_of_the_pair_in_memory(cloud, rest, notebook):
    sent = {"compute": "analytics", "runtime_role": ROLE, "path": "work/report.ipynb"}
    one = (await rest("POST", "attachments", sent)).json
    told = datetime.fromisoformat(one["credentials_expire_at"])
    issued = max(pair.expires_at for pair in cloud.world.pairs._pairs.values())
    assert abs(told.timestamp() - issued) < 2
    assert told > datetime.now(timezone.utc)
    again = (await rest("GET", f"attachments/{one['id']}")).json
    assert again["credentials_expire_at"] == one["credentials_expire_at"]


async def test_a_user_name_without_its_password_is_no_login(rest, notebook):
    for half in ({"username": "ada"}, {"password": "secret"}):
        answer = await rest("POST", "attachments", {"compute": "open", "path": "work/report.ipynb", **half})
        assert (answer.status, answer.json["code"]) == (400, "bad-request")
        assert "secret" not in answer.text
