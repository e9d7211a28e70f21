"""Renames and deletes, also cut off half-way by the end of a process: no object is lost, none stays under two names."""

from __future__ import annotations

import time

import pytest

from tests.functional.services.backups.conftest import notebook_of


def rename(folder, old: str, new: str) -> None:
    """Rename a file or folder as Jupyter does, without anybody being told."""
    (folder.root / new).parent.mkdir(parents=True, exist_ok=True)
    (folder.root / old).rename(folder.root / new)


def delete(folder, path: str) -> None:
    (folder.root / path).unlink()
    folder.store.delete([path])


def test_a_rename_whose_event_died_with_the_server_is_found_by_the_scan(folder, bucket):
    for name in ("a", "b"):
        folder.save(f"work/{name}.ipynb", notebook_of(name))
    folder.work()
    rename(folder, "work", "done")
    folder.begin_anew()
    assert folder.scan() == 2
    folder.work()
    assert bucket.keys() == {"team/done/a.ipynb", "team/done/b.ipynb"}
    assert {row.path for row in folder.store.below("")} == {"done/a.ipynb", "done/b.ipynb"}
    assert folder.scan() == 0


def test_a_new_file_beside_one_that_is_gone_is_no_rename(folder, bucket):
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    (folder.root / "a.ipynb").unlink()
    folder.write("b.ipynb", notebook_of("b"))  # of the same size, but another moment
    folder.scan()
    folder.work()
    assert bucket.keys() == {"team/a.ipynb", "team/b.ipynb"}


def test_a_copy_that_keeps_its_time_is_no_rename(folder, bucket):
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    (folder.root / "b.ipynb").hardlink_to(folder.root / "a.ipynb")
    folder.scan()
    folder.work()
    assert bucket.keys() == {"team/a.ipynb", "team/b.ipynb"}


def test_a_file_that_comes_back_after_its_object_was_deleted_is_sent_again(folder, bucket):
    """A process was killed between S3's answer and its note; the user takes the file out of the trash again."""
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    rename(folder, "a.ipynb", ".trash/a.ipynb")
    folder.store.delete(["a.ipynb"])
    folder.worker.uploader().bucket.delete("team/a.ipynb")
    folder.begin_anew()
    rename(folder, ".trash/a.ipynb", "a.ipynb")
    folder.scan()
    folder.work()
    assert bucket.text("team/a.ipynb") == notebook_of("a")
    assert folder.state("a.ipynb")["state"] == "in S3"


def test_a_file_that_comes_back_before_its_object_was_deleted_is_not_sent_again(folder, bucket):
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    folder.store.delete(["a.ipynb"])
    folder.store.save(["a.ipynb"])
    folder.work()
    assert bucket.versions("team/a.ipynb") == [notebook_of("a")]
    assert folder.state("a.ipynb")["state"] == "in S3"


def test_a_delete_between_s3s_answer_and_its_note_ends_with_the_next_process(folder, bucket):
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    delete(folder, "a.ipynb")
    folder.worker.uploader().bucket.delete("team/a.ipynb")
    folder.begin_anew()
    folder.scan()
    folder.work()
    assert bucket.versions("team/a.ipynb") == [notebook_of("a"), "(deleted)"]
    assert folder.store.below("") == []


@pytest.mark.parametrize("fault", ["denied", "conflict"])
def test_the_former_object_stays_while_the_new_name_cannot_be_written(folder, bucket, cloud, fault):
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    if fault == "denied":
        cloud.world.faults.set("deny:s3:PutObject")
    else:
        folder.worker.uploader().bucket.put("team/b.ipynb", b"by hand")
    rename(folder, "a.ipynb", "b.ipynb")
    folder.store.move([("a.ipynb", "b.ipynb")])
    folder.work()
    assert folder.state("b.ipynb")["state"] == fault
    assert bucket.text("team/a.ipynb") == notebook_of("a")
    due = folder.store.next_due()
    assert due is None or due > time.time()  # what waits for another is not looked at all the time


def test_a_file_renamed_and_deleted_before_it_was_sent_again_goes_to_the_trash(folder, bucket):
    bucket.keep_no_versions()
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    rename(folder, "a.ipynb", "b.ipynb")
    folder.store.move([("a.ipynb", "b.ipynb")])
    delete(folder, "b.ipynb")
    folder.work()
    (key,) = bucket.keys()
    assert key.startswith("team/.emr-connect/trash/")
    assert bucket.text(key) == notebook_of("a")
    assert folder.store.below("") == []


@pytest.mark.slow
def test_a_renamed_folder_is_under_its_new_name_alone(folder, bucket):
    for number in range(12):
        folder.write(f"old/{number % 3}/{number}.ipynb", notebook_of(str(number)))
    folder.scan()
    folder.work()
    rename(folder, "old", "new")
    folder.store.move([(row.path, f"new{row.path[3:]}") for row in folder.store.below("old")])
    folder.work()
    assert bucket.keys() == {f"team/new/{number % 3}/{number}.ipynb" for number in range(12)}
    assert {row.state for row in folder.store.below("")} == {"in S3"}


def test_what_a_killed_process_has_written_is_written_over_without_a_copy(folder, bucket):
    folder.write("a.ipynb", notebook_of("first"))
    uploader = folder.worker.uploader()
    metadata = {"emr-connect-copy": uploader.copy_id}
    uploader.bucket.put("team/a.ipynb", notebook_of("first").encode(), metadata=metadata)
    folder.save("a.ipynb", notebook_of("second"))
    folder.work()
    assert bucket.keys() == {"team/a.ipynb"}
    assert bucket.versions("team/a.ipynb") == [notebook_of("first"), notebook_of("second")]
