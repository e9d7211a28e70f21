"""What is saved comes to S3: bursts together, unchanged content not at all, renames and deletes after it."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta

import pytest

from jupyter_emr_connect.errors import StoreDamaged
from jupyter_emr_connect.services.backups.content import read_content
from jupyter_emr_connect.services.backups.history import empty_trash
from jupyter_emr_connect.services.backups.noting import note_file
from jupyter_emr_connect.services.backups.restoring import open_restorer
from jupyter_emr_connect.services.backups.status import status_of
from tests.functional.services.backups.conftest import notebook_of, until


def test_twenty_saves_in_a_minute_are_two_uploads(make_folder, bucket, monkeypatch):
    folder = make_folder(backup_pause=60.0)
    began = time.time()
    for second in range(0, 64):  # a save every three seconds, a look every second
        monkeypatch.setattr("jupyter_emr_connect.store.backups.time.time", lambda now=began + second: now)
        if second % 3 == 0 and second < 60:
            folder.save("a.ipynb", notebook_of(str(second)))
        if rows := folder.store.due(64):
            folder.worker.uploader(lambda now=began + second: now).do(rows[0])
    assert bucket.puts() == 2
    assert bucket.text("team/a.ipynb") == notebook_of("57")
    assert folder.state("a.ipynb")["state"] == "in S3"


def test_what_changes_during_an_upload_is_uploaded_again(folder, bucket):
    folder.save("a.ipynb", notebook_of("first"))
    folder.store.push()
    row = folder.store.due(1)[0]
    folder.save("a.ipynb", notebook_of("second"))  # while the first is under way
    folder.worker.uploader().do(row)
    assert folder.state("a.ipynb")["state"] == "waiting"
    folder.work()
    assert bucket.text("team/a.ipynb") == notebook_of("second")
    assert folder.state("a.ipynb")["state"] == "in S3"


def test_a_save_that_changes_nothing_is_not_sent(folder, bucket):
    folder.save("a.ipynb", notebook_of("same"))
    folder.work()
    folder.save("a.ipynb", notebook_of("same"))
    folder.work()
    assert bucket.puts() == 1
    assert folder.state("a.ipynb")["state"] == "in S3"
    assert folder.scan() == 0


def test_a_scan_finds_what_nobody_told(folder, bucket):
    folder.write("a.ipynb", notebook_of("made in a terminal"))
    folder.write("deep/er/b.ipynb", notebook_of("b"))
    assert folder.scan() == 2
    folder.work()
    assert bucket.keys() == {"team/a.ipynb", "team/deep/er/b.ipynb"}
    folder.write("a.ipynb", notebook_of("checked out by git"))
    assert folder.scan() == 1
    folder.work()
    assert bucket.text("team/a.ipynb") == notebook_of("checked out by git")


def test_a_file_gone_behind_jupyters_back_keeps_its_backup(folder, bucket):
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    (folder.root / "a.ipynb").unlink()
    assert folder.scan() == 0
    folder.work()
    assert bucket.text("team/a.ipynb") == notebook_of("a")


def test_a_delete_takes_the_backup_too_and_leaves_a_version(folder, bucket):
    folder.save("work/a.ipynb", notebook_of("a"))
    folder.save("work/b.ipynb", notebook_of("b"))
    folder.work()
    for name in ("a", "b"):
        (folder.root / f"work/{name}.ipynb").unlink()
    folder.store.delete(["work"])
    folder.work()
    assert bucket.keys() == set()
    assert bucket.versions("team/work/a.ipynb") == [notebook_of("a"), "(deleted)"]
    assert folder.store.below("") == []


def test_without_versions_a_deleted_backup_goes_to_the_trash(folder, bucket):
    bucket.keep_no_versions()
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    (folder.root / "a.ipynb").unlink()
    folder.store.delete(["a.ipynb"])
    folder.work()
    (key,) = bucket.keys()
    assert key.startswith("team/.emr-connect/trash/")
    assert key.endswith("Z/a.ipynb")
    assert bucket.text(key) == notebook_of("a")


def test_the_trash_is_emptied_of_what_is_old(folder, bucket):
    bucket.keep_no_versions()
    for name in ("a.ipynb", "b.ipynb"):
        folder.save(name, notebook_of(name))
    folder.work()
    for name, days in (("a.ipynb", 31), ("b.ipynb", 1)):
        (folder.root / name).unlink()
        folder.store.delete([name])
        folder.store.push()
        uploader = folder.worker.uploader(lambda days=days: time.time() - days * 86_400)
        uploader.do(folder.store.due(1)[0])
    assert empty_trash(uploader.bucket, uploader.location, timedelta(days=30)) == 1
    (key,) = bucket.keys()
    assert key.endswith("/b.ipynb")


def test_a_file_that_came_back_is_not_deleted(folder, bucket):
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    folder.store.delete(["a.ipynb"])  # the file is there again by the time
    folder.work()
    assert bucket.text("team/a.ipynb") == notebook_of("a")
    assert folder.state("a.ipynb")["state"] == "in S3"


def test_a_renamed_file_is_written_before_its_old_object_goes(folder, bucket, cloud):
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    (folder.root / "a.ipynb").rename(folder.root / "b.ipynb")
    folder.store.move([("a.ipynb", "b.ipynb")])
    folder.store.push()
    assert [row.path for row in folder.store.due(64)] == ["b.ipynb"]  # the delete waits for it
    folder.work()
    assert bucket.keys() == {"team/b.ipynb"}
    assert [row.path for row in folder.store.below("")] == ["b.ipynb"]
    (folder.root / "b.ipynb").rename(folder.root / "a.ipynb")
    folder.store.move([("b.ipynb", "a.ipynb")])
    folder.work()
    assert bucket.keys() == {"team/a.ipynb"}


ODD_NAMES = [
    "100% + # ? = ' ~x &.ipynb",
    "new\nline.ipynb",
    "\N{ROCKET}.ipynb",
    "e\u0301.ipynb",
    "\u00e9.ipynb",
    "A.ipynb",
    "a.ipynb",
    "/".join(["x" * 200] * 5) + "/" + "y" * 8 + ".ipynb",  # 1,019 bytes, with the prefix's 5 as long as a key can be
]


@pytest.mark.slow
@pytest.mark.parametrize("versions", [True, False], ids=["versions", "no-versions"])
def test_names_of_every_kind_are_kept_as_they_are(folder, bucket, versions):
    if not versions:
        bucket.keep_no_versions()
    shelf = open_restorer(folder.config, str(folder.root), folder.store)
    for name in ODD_NAMES:
        folder.save(name, notebook_of("first"))
    folder.work()
    for name in ODD_NAMES:
        folder.save(name, notebook_of(name))
    folder.work()
    assert bucket.now() == {f"team/{name}" for name in ODD_NAMES}
    for name in ODD_NAMES:
        assert bucket.text(f"team/{name}") == notebook_of(name)
        first = shelf.versions(name).items[-1]
        assert shelf.restore(name, first.version_id).path == name
        assert (folder.root / name).read_text() == notebook_of("first")
    moves = list(zip(ODD_NAMES[:-1], [*ODD_NAMES[1:-1], "other.ipynb"], strict=True))
    for old, new in reversed(moves):
        (folder.root / old).rename(folder.root / new)
        folder.store.move([(old, new)])
    folder.work()
    there = {*ODD_NAMES[1:], "other.ipynb"}
    assert bucket.now() == {f"team/{name}" for name in there}
    for name in there:
        (folder.root / name).unlink()
    folder.store.delete(there)
    folder.work()
    assert bucket.now() == set()
    for name in there:
        latest = next(version for version in shelf.versions(name).items if not version.deleted)
        assert shelf.read(name, latest.version_id).read() == notebook_of("first").encode()


def test_the_user_in_the_location_is_asked_for_once(make_folder, bucket, cloud):
    folder = make_folder(backup_location="s3://emr-sandbox-notebooks/team/{user}")
    for number in range(3):
        folder.save("a.ipynb", notebook_of(str(number)))
        folder.work()
    assert bucket.keys() == {"team/developer/a.ipynb"}
    assert cloud.calls("GetCallerIdentity") == 1


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "this is no notebook", "x" * (17 * 1024 * 1024)], ids=["empty", "text", "large"])
def test_a_notebook_is_uploaded_as_it_is(folder, bucket, text):
    folder.save("a.ipynb", text)
    os.utime(folder.root / "a.ipynb", (1, 1))
    folder.work()
    assert bucket.text("team/a.ipynb") == text


def test_hidden_excluded_and_linked_out_files_stay_out(make_folder, bucket, tmp_path):
    folder = make_folder(backup_exclude=["scratch", "*.tmp.ipynb"], backup_files="all")
    for name in (
        "a.ipynb",
        ".hidden.ipynb",
        ".git/b.ipynb",
        ".ipynb_checkpoints/a-checkpoint.ipynb",
        "scratch/c.ipynb",
    ):
        folder.write(name, notebook_of(name))
    folder.write("d.tmp.ipynb", notebook_of("d"))
    folder.write("data.bin", "data")
    outside = tmp_path / "outside.ipynb"
    outside.write_text(notebook_of("secret"))
    (folder.root / "link.ipynb").symlink_to(outside)
    (folder.root / "inner.ipynb").symlink_to(folder.root / "a.ipynb")
    folder.scan()
    folder.work()
    assert bucket.keys() == {"team/a.ipynb", "team/inner.ipynb", "team/data.bin"}


def test_other_files_are_small_texts_of_attached_folders(make_folder, bucket):
    from jupyter_emr_connect.models import Attachment
    from jupyter_emr_connect.services.attachments.resolution import open_attachments

    folder = make_folder()
    for name in ("attached/lib.py", "attached/model.bin", "attached/big.csv", "other/lib.py", "attached/a.ipynb"):
        folder.write(name, "x" * (2_000_000 if "big" in name else 10))
    open_attachments(folder.config).put(Attachment("open", None, "gateway", path=str(folder.root / "attached")))
    folder.scan()
    folder.work()
    assert bucket.keys() == {"team/attached/lib.py", "team/attached/a.ipynb"}


def test_outputs_and_secrets_are_left_out_of_the_backup_and_not_sent_again(make_folder, bucket):
    folder = make_folder(backup_strip_outputs=True, backup_redact=[r"AKIA[A-Z0-9]{16}"])
    cell = {
        "id": "c",
        "cell_type": "code",
        "metadata": {},
        "execution_count": 3,
        "source": "key='AKIAABCDEFGHIJKLMNOP'",
    }
    output = {"output_type": "stream", "name": "stdout", "text": "printed"}
    for count in (3, 4):
        content = {"cells": [{**cell, "execution_count": count, "outputs": [output]}], "metadata": {}, "nbformat": 4}
        folder.save("a.ipynb", json.dumps({**content, "nbformat_minor": 5}))
        folder.work()
    sent = bucket.text("team/a.ipynb")
    assert "AKIA" not in sent
    assert "printed" not in sent
    assert bucket.puts() == 1
    assert "printed" in (folder.root / "a.ipynb").read_text()


def test_a_new_notebook_that_is_being_written_is_not_uploaded_empty(folder, bucket):
    folder.save("a.ipynb", "")
    folder.work()
    assert bucket.keys() == set()
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    assert bucket.versions("team/a.ipynb") == [notebook_of("a")]


def test_a_file_half_written_by_jupyter_is_not_uploaded(folder, bucket):
    folder.save("a.ipynb", notebook_of("whole"))
    folder.work()
    (folder.root / ".~a.ipynb").write_text(notebook_of("whole"))
    folder.save("a.ipynb", notebook_of("torn")[:30])
    folder.work()
    assert bucket.text("team/a.ipynb") == notebook_of("whole")
    assert "has begun and not ended" in folder.state("a.ipynb")["message"]
    (folder.root / ".~a.ipynb").unlink()
    folder.save("a.ipynb", notebook_of("saved"))
    folder.work()
    assert bucket.text("team/a.ipynb") == notebook_of("saved")


def test_a_file_that_a_command_has_written_is_noted_where_a_server_has_backups(folder, bucket, tmp_path):
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    folder.write("deep/out.ipynb", notebook_of("out"))
    assert note_file(folder.config, folder.root / "deep" / "out.ipynb")
    assert folder.state("deep/out.ipynb")["state"] == "waiting"
    folder.work()
    assert bucket.text("team/deep/out.ipynb") == notebook_of("out")
    outside = tmp_path / "elsewhere.ipynb"
    outside.write_text("{}")
    assert not note_file(folder.config, outside)


@pytest.mark.slow
def test_a_damaged_queue_is_kept_aside_and_made_anew(folder, bucket):
    folder.save("a.ipynb", notebook_of("first"))
    folder.work()
    folder.write("a.ipynb", notebook_of("second"))
    file = folder.store.file
    file.write_bytes(b"x" * file.stat().st_size)
    with pytest.raises(StoreDamaged):
        folder.store.save(["a.ipynb"])
    told = status_of(folder.config, folder.store)
    assert (told["state"], "damaged" in told["message"]) == ("failed", True)
    folder.worker.start()
    try:
        until(lambda: bucket.text("team/a.ipynb") == notebook_of("second"))  # its own object is no conflict
    finally:
        folder.worker.stop(30)
    assert [path.name for path in file.parent.glob("backups.sqlite.damaged-*")]


def test_the_content_is_what_was_read(tmp_path):
    file = tmp_path / "a.ipynb"
    file.write_text("{}")
    os.utime(file, ns=(1, 1))
    content = read_content(file, "a.ipynb", None)
    assert (content.size, content.mtime_ns, content.open().read()) == (2, 1, b"{}")
