"""Backups of contents managers that keep no files: what they are given to save comes to S3, and back into them."""

from __future__ import annotations

import errno
import json
import logging
import threading
from pathlib import Path

import pytest

from jupyter_emr_connect.aws.s3 import S3Store
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.sandbox.aws.s3.stored import current_object, get_bucket
from jupyter_emr_connect.server.backups.mirrored import MirroredContents
from jupyter_emr_connect.services.attachments.resolution import attachments_above, open_attachments
from jupyter_emr_connect.services.backups.mirror import (
    Mirror,
    attachment_key,
    content_of_model,
    mirror_folder,
    model_of_content,
)
from jupyter_emr_connect.services.backups.scope import open_scope
from tests.functional.server.contents_in_memory import KEPT, AsyncInMemory, InMemory
from tests.functional.server.test_backups import BUCKET, comes_true, notebook_of


@pytest.fixture
def manager(request):
    """The contents manager's class, the awaited one unless a test says otherwise."""
    return getattr(request, "param", AsyncInMemory)


@pytest.fixture
def jp_server_config(jp_server_config, manager):
    KEPT.clear()
    jp_server_config["ServerApp"]["contents_manager_class"] = manager
    jp_server_config["EMRConnect"] |= {"backup_location": f"s3://{BUCKET}/team", "backup_pause": 0.0}
    return jp_server_config


@pytest.fixture
def contents(jp_fetch):
    async def call(verb: str, path: str, body=None):
        sent = json.dumps(body) if body is not None else None
        await jp_fetch("api", "contents", *path.split("/"), method=verb, body=sent, allow_nonstandard_methods=True)

    return call


@pytest.fixture
def save(contents):
    async def of(path: str, text: str) -> None:
        await contents("PUT", path, {"type": "notebook", "format": "json", "content": notebook_of(text)})

    return of


@pytest.fixture
def texts(cloud):
    """Return what the first cell of each notebook in S3 has, by the notebook's path."""

    def found() -> dict[str, str]:
        bucket = get_bucket(BUCKET)
        objects = {name: key.value for name in list(bucket.keys) if (key := current_object(bucket, name))}
        below = {name.removeprefix("team/"): value for name, value in objects.items() if ".emr-connect" not in name}
        return {name: "".join(json.loads(value)["cells"][0]["source"]) for name, value in below.items()}

    return found


def kept(path: str) -> str:
    return KEPT[path]["content"]["cells"][0]["source"]


@pytest.mark.slow
@pytest.mark.parametrize("manager", [InMemory], indirect=True, ids=["blocking"])  # the others have the awaited one
@pytest.mark.filterwarnings("ignore:The synchronous ContentsManager:DeprecationWarning")
async def test_saves_copies_renames_and_deletes_are_followed(contents, save, texts, rest):
    async def in_s3(expected: dict[str, str]) -> None:
        async def look() -> bool:
            return texts() == expected

        await comes_true(look)

    await contents("PUT", "work", {"type": "directory"})
    for name in ("a", "b"):
        await save(f"work/{name}.ipynb", name)
    await contents("POST", "work", {"copy_from": "work/a.ipynb"})
    await in_s3({"work/a.ipynb": "a", "work/b.ipynb": "b", "work/a-Copy1.ipynb": "a"})
    await contents("DELETE", "work/b.ipynb")
    await contents("PATCH", "work", {"path": "done"})
    await save("done/a.ipynb", "after the rename")
    await in_s3({"done/a.ipynb": "after the rename", "done/a-Copy1.ipynb": "a"})

    async def done() -> dict:
        status = (await rest("GET", "backups/status")).json
        return status if status["state"] == "in S3" else {}

    status = await comes_true(done)
    assert status["location"] == f"s3://{BUCKET}/team"
    assert "keeps no files" in status["message"]


@pytest.mark.slow
async def test_a_notebook_that_was_never_saved_here_is_read_when_it_is_renamed(contents, texts):
    KEPT["old.ipynb"] = {"type": "notebook", "format": "json", "content": notebook_of("from before")}
    await contents("PATCH", "old.ipynb", {"path": "new.ipynb"})

    async def look() -> bool:
        return texts() == {"new.ipynb": "from before"}

    await comes_true(look)


@pytest.mark.slow
async def test_a_former_state_comes_back_and_what_was_saved_elsewhere_is_kept(save, texts, rest):
    async def versions() -> list[dict]:
        return (await rest("GET", "backups", params={"path": "a.ipynb"})).json["items"]

    for number, text in enumerate(("one", "two"), 1):
        await save("a.ipynb", text)

        async def look(count: int = number) -> bool:
            return len(await versions()) == count

        await comes_true(look)
    KEPT["a.ipynb"]["content"] = notebook_of("by another server")
    answer = await rest(
        "POST", "backups/restore", {"path": "a.ipynb", "version_id": (await versions())[-1]["version_id"]}
    )
    assert answer.status == 200, answer.text
    assert kept("a.ipynb") == "one"
    saved_as = answer.json["saved_present_as"]
    present = await rest("GET", "backups/content", params={"path": "a.ipynb", "version_id": saved_as})
    assert present.json["content"]["cells"][0]["source"] in ("by another server", ["by another server"])
    to = {"path": "a.ipynb", "version_id": saved_as, "to": "new/folder/b.ipynb"}
    answer = await rest("POST", "backups/restore", to)
    assert answer.status == 200, answer.text
    assert kept("new/folder/b.ipynb") == "by another server"


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["theirs", pytest.param("both", marks=pytest.mark.full)])
async def test_the_other_side_of_a_conflict_comes_into_the_contents_manager(save, rest, cloud, choice):
    await save("a.ipynb", "base")

    async def state() -> str:
        items = (await rest("GET", "backups/status", params={"path": "a.ipynb"})).json["items"]
        return items[0]["state"] if items else ""

    async def is_in_s3() -> bool:
        return await state() == "in S3"

    async def is_conflict() -> bool:
        return await state() == "conflict"

    await comes_true(is_in_s3)
    S3Store(BUCKET).put("team/a.ipynb", json.dumps(notebook_of("theirs")).encode())
    await save("a.ipynb", "mine")
    await comes_true(is_conflict)
    answer = await rest("POST", "backups/resolve", {"path": "a.ipynb", "choice": choice})
    assert answer.status == 200, answer.text
    if choice == "theirs":
        assert kept("a.ipynb") == "theirs"
    else:
        assert (kept("a.ipynb"), kept(answer.json["saved_present_as"])) == ("mine", "theirs")


class FullDisk(Mirror):
    """A mirror whose disk has no room until ``room`` is set."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.room = threading.Event()
        self.room.set()

    def write(self, path: str, content: bytes) -> None:
        if not self.room.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(path, content)


@pytest.fixture
def followed(tmp_path):
    """Return a contents manager, its mirror, what follows it, and the changes told."""
    KEPT.clear()
    contents, mirror, told = AsyncInMemory(), FullDisk(tmp_path / "mirror"), []
    made = MirroredContents(contents, mirror, lambda path, size: True, told.append, logging.getLogger("test"))
    made.follow()
    yield contents, mirror, made, told
    mirror.room.set()
    made.close(60)


def text_model(text: str) -> dict:
    return {"type": "file", "format": "text", "content": text}


@pytest.mark.slow
async def test_saves_and_renames_at_once_keep_their_order_and_the_latest_content(followed):
    contents, mirror, made, told = followed
    mirror.room.clear()
    for text in ("one", "two", "three"):
        await contents.save(text_model(text), "a.txt")
    await contents.rename("a.txt", "b.txt")
    await contents.save(text_model("another"), "a.txt")
    await contents.delete("b.txt")
    await contents.save(text_model("b again"), "b.txt")

    async def no_room() -> str:
        return made.problem.message if made.problem else ""

    assert "No space left" in await comes_true(no_room)
    mirror.room.set()
    made.settled(60)
    assert made.problem is None
    assert (mirror.file("a.txt").read_text(), mirror.file("b.txt").read_text()) == ("another", "b again")
    # At the first save the thread may have begun already.
    assert [(change.kind, change.path) for change in told[-5:]] == [
        ("save", "a.txt"),
        ("rename", "b.txt"),
        ("save", "a.txt"),
        ("delete", "b.txt"),
        ("save", "b.txt"),
    ]
    assert len(told) <= 6


async def test_a_file_that_no_disk_can_keep_holds_up_no_other(followed):
    contents, _, made, told = followed
    await contents.save(text_model("a"), f"{'x' * 300}.ipynb")
    await contents.save(text_model("b"), "b.txt")
    made.settled(60)
    assert [change.path for change in told] == ["b.txt"]
    assert "File name too long" in made.problem.message
    await contents.rename(f"{'x' * 300}.ipynb", "a.ipynb")

    async def is_kept() -> bool:
        made.settled(60)
        return made.problem is None and [change.path for change in told] == ["b.txt", "a.ipynb"]

    await comes_true(is_kept)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("a.ipynb", {"type": "notebook", "format": "json", "content": notebook_of("one\ntwo\N{SNOWMAN}")}),
        ("a.ipynb", {"type": "file", "format": "text", "content": "no notebook"}),
        ("a.bin", {"type": "file", "format": "base64", "content": "//79"}),
    ],
    ids=["notebook", "text", "binary"],
)
def test_what_is_saved_comes_back_as_it_was(path, model):
    content = content_of_model(model)
    assert model_of_content(path, content) == model
    assert content_of_model({**model, "content": None}) is None


def test_text_files_of_an_attached_folder_have_backups_here_too(tmp_path):
    config = EMRConnect(state_file=str(tmp_path / "state.sqlite"), backup_location=f"s3://{BUCKET}/team")
    mirror = Mirror(mirror_folder(config, "a.Manager"))
    for path in ("team/a.py", "other/a.py"):
        mirror.write(path, b"1")
    assert not Path(mirror.root).stat().st_mode & 0o077  # for this account alone
    open_attachments(config).put(Attachment("open", path="contents:/team"))
    scope = open_scope(config, mirror.root)
    assert [file.path for file in scope.walk()] == ["team/a.py"]
    (found,) = attachments_above(config, attachment_key(config, mirror.root, "team/a.py"))
    assert found.compute == "open"
    assert mirror_folder(config, "another.Manager") != Path(mirror.root)
