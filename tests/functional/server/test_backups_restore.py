"""Versions of backups by REST on a real Jupyter server: listed, read, brought back whole or by a cell."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from jupyter_emr_connect.aws.s3 import S3Store
from jupyter_emr_connect.aws.session import SessionKey, open_session

BUCKET, PLAIN = "emr-sandbox-notebooks", "plain"
ODD_NAMES = [
    "100% +#?='~&.ipynb",
    "a folder/\N{SNOWMAN}\U0001f600.ipynb",
    "e\N{COMBINING ACUTE ACCENT}.ipynb",
    "\N{LATIN SMALL LETTER E WITH ACUTE}.ipynb",
]


@pytest.fixture
def bucket_name():
    return BUCKET


@pytest.fixture
def jp_server_config(jp_server_config, bucket_name):
    settings = {"backup_location": f"s3://{bucket_name}/team", "backup_pause": 0.0}
    return {**jp_server_config, "EMRConnect": {**jp_server_config["EMRConnect"], **settings}}


@pytest.fixture
def plain_bucket(cloud):
    """Make a bucket that keeps no versions, which the developer may use."""
    admin = open_session("administrator")
    admin.call("s3", "CreateBucket", Bucket=PLAIN)
    arn = f"arn:aws:s3:::{PLAIN}"
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"]}
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    admin.call("s3", "PutBucketPolicy", Bucket=PLAIN, Policy=json.dumps(policy))


def notebook_of(*texts: str) -> dict:
    cells = [
        {"id": f"cell-{number}", "cell_type": "markdown", "metadata": {}, "source": text}
        for number, text in enumerate(texts, 1)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def texts_in(file) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(file.read_text("utf-8"))["cells"]]


@pytest.fixture
def save(rest, jp_fetch):
    """Save a notebook by Jupyter and wait until it is in S3."""

    async def saved(path: str, *texts: str) -> None:
        body = json.dumps({"type": "notebook", "content": notebook_of(*texts)})
        await jp_fetch("api", "contents", *path.split("/"), method="PUT", body=body)
        await rest("POST", "backups/now", {"path": path})
        await in_s3(rest, path)

    return saved


async def in_s3(rest, path: str) -> None:
    end = time.monotonic() + 60
    while True:
        items = (await rest("GET", "backups/status", params={"path": path})).json["items"]
        if [item["state"] for item in items] == ["in S3"] and items[0]["waiting_since"] is None:
            return
        assert time.monotonic() < end, items
        await asyncio.sleep(0.05)


async def versions(rest, path: str) -> list[dict]:
    answer = await rest("GET", "backups", params={"path": path})
    assert answer.status == 200, answer.text
    assert answer.json["errors"] == []
    return answer.json["items"]


@pytest.mark.slow
async def test_an_earlier_version_comes_back_and_the_present_is_a_version(rest, save, jp_root_dir):
    await save("work.ipynb", "one")
    await save("work.ipynb", "two")
    latest, first = await versions(rest, "work.ipynb")
    assert (latest["latest"], first["latest"], first["deleted"]) == (True, False, False)
    assert first["host"]
    content = await rest("GET", "backups/content", params={"path": "work.ipynb", "version_id": first["version_id"]})
    assert [cell["source"] for cell in content.json["content"]["cells"]] == [["one"]]

    answer = await rest("POST", "backups/restore", {"path": "work.ipynb", "version_id": first["version_id"]})
    assert answer.json == {"path": "work.ipynb", "saved_present_as": latest["version_id"]}
    assert texts_in(jp_root_dir / "work.ipynb") == ["one"]
    await in_s3(rest, "work.ipynb")  # what was restored is saved in its turn
    assert [item["size"] for item in await versions(rest, "work.ipynb")] == [
        first["size"],
        latest["size"],
        first["size"],
    ]
    back = {"path": "work.ipynb", "version_id": answer.json["saved_present_as"]}
    assert (await rest("POST", "backups/restore", back)).status == 200
    assert texts_in(jp_root_dir / "work.ipynb") == ["two"]


async def test_what_was_never_backed_up_is_kept_before_it_is_replaced(rest, save, jp_root_dir):
    await save("work.ipynb", "one")
    file = jp_root_dir / "work.ipynb"
    file.write_text(json.dumps(notebook_of("typed in a terminal")))
    answer = await rest("POST", "backups/restore", {"path": "work.ipynb"})
    assert texts_in(file) == ["one"]
    kept = answer.json["saved_present_as"]
    assert kept in [item["version_id"] for item in await versions(rest, "work.ipynb")]
    await rest("POST", "backups/restore", {"path": "work.ipynb", "version_id": kept, "to": "kept/other.ipynb"})
    assert texts_in(jp_root_dir / "kept" / "other.ipynb") == ["typed in a terminal"]
    assert texts_in(file) == ["one"]


async def test_one_cell_comes_back_into_the_present_notebook(rest, save, jp_root_dir):
    await save("work.ipynb", "a", "b", "c")
    first = (await versions(rest, "work.ipynb"))[0]["version_id"]
    changed = notebook_of("a", "b", "C by me")
    del changed["cells"][1]
    file = jp_root_dir / "work.ipynb"
    file.write_text(json.dumps(changed))
    sent = {"path": "work.ipynb", "version_id": first, "cell_id": "cell-2"}
    answer = await rest("POST", "backups/restore", sent)
    assert answer.status == 200, answer.text
    assert texts_in(file) == ["a", "b", "C by me"]
    answer = await rest("POST", "backups/restore", {**sent, "cell_id": "no-such"})
    assert (answer.status, answer.json["code"]) == (409, "notebook")


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD_NAMES)
async def test_every_name_is_listed_and_restored(rest, save, jp_root_dir, name):
    (jp_root_dir / name).parent.mkdir(exist_ok=True)
    await save(name, "one")
    (jp_root_dir / name).unlink()
    [only] = await versions(rest, name)
    answer = await rest("POST", "backups/restore", {"path": name, "version_id": only["version_id"]})
    assert answer.json == {"path": name, "saved_present_as": None}
    assert texts_in(jp_root_dir / name) == ["one"]


async def test_a_deleted_notebook_comes_back(rest, save, jp_fetch, jp_root_dir):
    await save("work.ipynb", "one")
    await jp_fetch("api", "contents", "work.ipynb", method="DELETE")
    await rest("POST", "backups/now", {})
    end = time.monotonic() + 60
    while not (items := await versions(rest, "work.ipynb"))[0]["deleted"]:
        assert time.monotonic() < end, items
        await asyncio.sleep(0.05)
    answer = await rest("POST", "backups/restore", {"path": "work.ipynb", "version_id": items[1]["version_id"]})
    assert answer.status == 200
    assert texts_in(jp_root_dir / "work.ipynb") == ["one"]


class TestOfABucketWithoutVersions:
    """History and trash are kept under the prefix."""

    @pytest.fixture
    def bucket_name(self, plain_bucket):
        return PLAIN

    @pytest.mark.slow
    async def test_earlier_states_and_deleted_files_come_back(self, rest, save, jp_fetch, jp_root_dir):
        await save("work.ipynb", "one")
        await save("work.ipynb", "two")
        items = await versions(rest, "work.ipynb")
        assert [item["version_id"].partition(":")[0] for item in items] == ["current", "history"]
        sent = {"path": "work.ipynb", "version_id": items[1]["version_id"]}
        answer = await rest("POST", "backups/restore", sent)
        assert texts_in(jp_root_dir / "work.ipynb") == ["one"]
        sent["version_id"] = answer.json["saved_present_as"]
        await rest("POST", "backups/restore", sent)
        assert texts_in(jp_root_dir / "work.ipynb") == ["two"]
        await rest("POST", "backups/now", {})
        await in_s3(rest, "work.ipynb")
        await jp_fetch("api", "contents", "work.ipynb", method="DELETE")
        await rest("POST", "backups/now", {})
        end = time.monotonic() + 60
        while not (trash := [row for row in await versions(rest, "work.ipynb") if row["version_id"][:5] == "trash"]):
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
        await rest("POST", "backups/restore", {"path": "work.ipynb", "version_id": trash[0]["version_id"]})
        assert texts_in(jp_root_dir / "work.ipynb") == ["two"]


async def test_what_there_is_not_and_what_may_not_be_is_said(rest, save, jp_root_dir):
    await save("work.ipynb", "one")
    for sent, status, code in [
        ({"path": "none.ipynb"}, 404, "object-not-found"),
        ({"path": "work.ipynb", "version_id": "none"}, 404, "object-not-found"),
        ({"path": "work.ipynb", "to": "../out.ipynb"}, 400, "path"),
        ({"path": "../out.ipynb"}, 400, "path"),
        ({"path": "work.ipynb", "to": "x", "cell_id": "y"}, 400, "bad-request"),
    ]:
        answer = await rest("POST", "backups/restore", sent)
        assert (answer.status, answer.json["code"]) == (status, code), sent
    S3Store(BUCKET, SessionKey("administrator")).put("team/broken.ipynb", b"{not JSON")
    answer = await rest("GET", "backups/content", params={"path": "broken.ipynb"})
    assert (answer.status, answer.json["code"]) == (409, "notebook")
    assert (await rest("POST", "backups/restore", {"path": "broken.ipynb"})).status == 200
    assert (jp_root_dir / "broken.ipynb").read_bytes() == b"{not JSON"


async def test_without_the_right_to_list_versions_the_present_is_shown_and_the_action_named(rest, save):
    await save("work.ipynb", "one")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucketVersions", "Resource": f"arn:aws:s3:::{BUCKET}"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    open_session("administrator").call("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=policy)
    answer = await rest("GET", "backups", params={"path": "work.ipynb"})
    assert [item["latest"] for item in answer.json["items"]] == [True]
    assert [error["iam_action"] for error in answer.json["errors"]] == ["s3:ListBucketVersions"]


async def test_where_s3_takes_nothing_a_copy_beside_the_file_is_kept(rest, save, jp_root_dir):
    await save("work.ipynb", "one")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    open_session("administrator").call("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=policy)
    file = jp_root_dir / "work.ipynb"
    file.write_text(json.dumps(notebook_of("not in S3")))
    answer = await rest("POST", "backups/restore", {"path": "work.ipynb"})
    assert texts_in(file) == ["one"]
    assert texts_in(jp_root_dir / answer.json["saved_present_as"]) == ["not in S3"]


async def test_what_a_killed_server_left_torn_comes_back_and_is_kept(rest, save, jp_root_dir):
    await save("work.ipynb", "one")
    file = jp_root_dir / "work.ipynb"
    torn = file.read_bytes()[:40]
    file.with_name(".~work.ipynb").write_bytes(file.read_bytes())
    file.write_bytes(torn)
    answer = await rest("POST", "backups/restore", {"path": "work.ipynb"})
    assert answer.status == 200, answer.text
    assert texts_in(file) == ["one"]
    back = {"path": "work.ipynb", "version_id": answer.json["saved_present_as"], "to": "torn.ipynb"}
    assert (await rest("POST", "backups/restore", back)).status == 200
    assert (jp_root_dir / "torn.ipynb").read_bytes() == torn


async def test_a_save_during_a_restore_is_not_lost(rest, save, jp_root_dir, cloud):
    await save("work.ipynb", "one")
    file = jp_root_dir / "work.ipynb"
    file.write_text(json.dumps(notebook_of("not in S3")))
    cloud.world.faults.set("slow:60000", options={"action": "PutObject"})  # as the present is kept
    before = cloud.calls("HeadObject")
    restoring = asyncio.create_task(rest("POST", "backups/restore", {"path": "work.ipynb"}))
    end = time.monotonic() + 60
    while cloud.calls("HeadObject") == before:
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
    file.write_text(json.dumps(notebook_of("typed meanwhile")))
    cloud.world.faults.clear()
    answer = await restoring
    assert (answer.status, answer.json["code"]) == (409, "backup-file-in-motion")
    assert texts_in(file) == ["typed meanwhile"]
