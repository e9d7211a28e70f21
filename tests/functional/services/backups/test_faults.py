"""What keeps backups from S3 is said with its cause and fix, is tried again, and ends by itself."""

from __future__ import annotations

import resource
import time
from dataclasses import replace

import pytest

from jupyter_emr_connect.errors import BucketNotFound, ConfigurationError
from jupyter_emr_connect.services.backups.content import Filter
from jupyter_emr_connect.services.backups.noting import FileChange
from jupyter_emr_connect.services.backups.status import status_of
from tests.functional.services.backups.conftest import notebook_of, until


def told(folder) -> dict:
    return status_of(folder.config, folder.store)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "state", "says"),
    [
        ("down", "waiting", "No answer"),
        ("error-500", "waiting", "its own error"),
        ("throttle", "waiting", "throttles"),
        ("expire-credentials", "waiting", "expired"),
        ("deny:s3:PutObject", "denied", "s3:PutObject"),
    ],
)
def test_a_fault_is_told_and_all_is_saved_once_after_it(folder, bucket, cloud, fault, state, says):
    for number in range(6):
        folder.save(f"{number}.ipynb", notebook_of("before"))
        folder.save(f"{number}.ipynb", notebook_of(str(number)))
    folder.store.push()
    cloud.world.faults.set(fault)
    folder.worker.do(folder.store.due(64))
    status = told(folder)
    assert status["state"] == state
    assert status["waiting"] == 6
    assert status["since"]
    assert says in status["message"]
    assert status["fix"]
    assert all(item["message"] for item in status["items"])
    cloud.world.faults.clear()
    folder.work()
    assert {bucket.text(f"team/{number}.ipynb") for number in range(6)} == {notebook_of(str(n)) for n in range(6)}
    assert bucket.puts() == 6
    status = told(folder)
    assert (status["state"], status["message"], status["waiting"]) == ("in S3", "", 0)


@pytest.fixture
def clock():
    """By how many seconds S3's clock is ahead of this machine's, in a list that a test may change."""
    return [0.0]


@pytest.fixture
def before_front(clock):
    def turned(front):
        front.context = replace(front.context, clock=lambda: time.time() + clock[0])
        return front

    return turned


@pytest.mark.parametrize("seconds", [1200.0, -1200.0], ids=["behind", "ahead"])
def test_a_clock_that_is_wrong_is_named_and_all_is_saved_once_it_is_right(folder, bucket, clock, seconds):
    folder.save("a.ipynb", notebook_of("a"))
    folder.store.push()
    clock[0] = seconds
    folder.worker.do(folder.store.due(64))
    status = told(folder)
    assert (status["state"], status["waiting"]) == ("waiting", 1)
    assert "this machine's clock is wrong" in status["message"]
    assert "NTP" in status["fix"]
    clock[0] = 0.0
    folder.work()
    assert (told(folder)["state"], bucket.versions("team/a.ipynb")) == ("in S3", [notebook_of("a")])


def test_keys_that_are_renewed_in_the_profile_are_taken_without_a_restart(folder, bucket, cloud):
    file = cloud.folder / "config"
    right = file.read_text()
    file.write_text(right.replace(cloud.keys["developer"].secret, "x" * 40))
    folder.save("a.ipynb", notebook_of("a"))
    folder.store.push()
    folder.worker.do(folder.store.due(64))
    assert "does not accept your credentials" in told(folder)["message"]
    file.write_text(right)
    folder.work()
    assert (told(folder)["state"], bucket.puts()) == ("in S3", 1)


@pytest.mark.slow
def test_a_storm_of_503_is_sat_out_with_one_write_for_each_file(folder, bucket, cloud):
    for number in range(8):
        folder.save(f"{number}.ipynb", notebook_of(str(number)))
    cloud.world.faults.set("throttle", rate=0.6)
    for _ in range(60):
        folder.store.push()
        if not (rows := folder.store.due(64)):
            break
        folder.worker.do(rows)
    assert {bucket.text(f"team/{number}.ipynb") for number in range(8)} == {notebook_of(str(n)) for n in range(8)}
    assert bucket.puts() == 8
    assert told(folder)["state"] == "in S3"


@pytest.mark.slow
def test_changes_wait_in_memory_while_the_queue_has_no_room(folder, writer, bucket):
    folder.save("before.ipynb", notebook_of("before"))
    folder.work()
    folder.write("a.ipynb", notebook_of("a"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # no file may grow beyond this
    try:
        writer.take(FileChange("save", "a.ipynb"))
        until(lambda: writer.problem)
        status = status_of(folder.config, folder.store, problem=writer.problem)
        assert (status["state"], bool(status["message"]), bool(status["fix"])) == ("failed", True, True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert writer.settled(60)
    assert writer.problem is None
    folder.work()
    assert bucket.text("team/a.ipynb") == notebook_of("a")


def test_while_s3_is_down_one_file_at_a_time_is_tried(folder, cloud):
    for number in range(6):
        folder.save(f"{number}.ipynb", notebook_of(str(number)))
    folder.store.push()
    cloud.world.faults.set("down")
    folder.worker.do(folder.store.due(64))
    before = cloud.calls("PutObject")
    folder.worker.do(folder.store.due(64))
    assert cloud.calls("PutObject") - before <= 2  # attempts of one


def test_one_file_that_is_denied_holds_up_no_other(folder, bucket, cloud):
    for name in ("a", "b"):
        folder.save(f"{name}.ipynb", notebook_of(name))
    folder.store.push()
    rows = folder.store.due(64)
    cloud.world.faults.set("deny:s3:PutObject")
    folder.worker.do(rows[:1])
    cloud.world.faults.clear()
    folder.worker.do(rows[1:])
    assert folder.state("a.ipynb")["state"] == "denied"
    assert "s3:PutObject" in folder.state("a.ipynb")["message"]
    assert folder.state("b.ipynb")["state"] == "in S3"


def test_a_bucket_that_is_missing_is_named(make_folder):
    folder = make_folder(backup_location="s3://no-such-bucket-of-ours/team")
    folder.save("a.ipynb", notebook_of("a"))
    folder.store.push()
    folder.worker.do(folder.store.due(64))
    status = told(folder)
    assert status["state"] == "failed"
    assert "no-such-bucket-of-ours" in status["message"]
    assert "backup_location" in status["fix"]
    assert BucketNotFound.code == "bucket-not-found"


def test_a_pattern_that_is_none_uploads_nothing(make_folder, bucket):
    folder = make_folder(backup_redact=["("])
    folder.save("a.ipynb", notebook_of("a"))
    folder.store.push()
    with pytest.raises(ConfigurationError, match="backup_redact"):
        folder.worker.do(folder.store.due(64))
    assert bucket.keys() == set()


@pytest.mark.slow
def test_two_servers_of_one_folder_work_one_after_the_other(folder, bucket):
    folder.save("a.ipynb", notebook_of("a"))
    first = folder.worker
    first.start()
    until(lambda: bucket.text("team/a.ipynb"))
    folder.begin_anew()
    folder.worker.start()
    try:
        folder.save("a.ipynb", notebook_of("b"))
        first.stop(30)
        folder.worker.wake()
        until(lambda: bucket.text("team/a.ipynb") == notebook_of("b"))
        assert bucket.versions("team/a.ipynb") == [notebook_of("a"), notebook_of("b")]
    finally:
        folder.worker.stop(30)


def test_trouble_is_over_when_nothing_waits_any_more(folder, cloud):
    folder.save("a.ipynb", notebook_of("a"))
    folder.store.push()
    cloud.world.faults.set("down")
    folder.worker.do(folder.store.due(64))
    cloud.world.faults.clear()
    (folder.root / "a.ipynb").unlink()
    folder.store.delete(["a.ipynb"])
    folder.store.forget(folder.store.below("")[0])  # as by another process
    folder.begin_anew()
    folder.worker.step()
    assert (told(folder)["state"], told(folder)["message"]) == ("in S3", "")


def test_one_file_that_nobody_foresaw_is_named_and_holds_up_no_other(make_folder):
    class Broken(Filter):
        def __call__(self, path, content):
            return content if path == "b.ipynb" else content[1 // 0 :]

    folder = make_folder()
    uploader = replace(folder.worker.uploader(), leave_out=Broken())
    folder.worker.uploader = lambda: uploader
    folder.save("a.ipynb", notebook_of("a"))
    folder.save("b.ipynb", notebook_of("b"))
    folder.work()
    assert folder.state("a.ipynb")["state"] == "failed"
    assert folder.state("a.ipynb")["message"]
    assert folder.state("b.ipynb")["state"] == "in S3"


def test_a_save_that_never_ended_is_looked_at_less_and_less(folder):
    (folder.root / ".~a.ipynb").write_text(notebook_of("whole"))
    folder.save("a.ipynb", notebook_of("torn")[:30])
    for _ in range(8):
        folder.store.push()
        folder.worker.do(folder.store.due(64))
    row = folder.store.get("a.ipynb")
    assert "has begun and not ended" in row.message
    assert row.due_at > time.time() + 20


def test_changes_of_every_kind_that_come_at_once_are_all_noted(folder, writer):
    for name in ("a", "b", "d"):
        folder.write(f"{name}.ipynb", notebook_of(name))
    for name in ("a", "d"):
        folder.store.save([f"{name}.ipynb"])
    for change in (
        FileChange("delete", "d.ipynb"),
        FileChange("save", "b.ipynb"),
        FileChange("rename", "b.ipynb", "a.ipynb"),
        FileChange("delete", "b.ipynb"),
    ):
        writer.take(change)
    assert writer.settled(60)
    assert {row.path: row.action for row in folder.store.below("")} == dict.fromkeys(
        ("a.ipynb", "b.ipynb", "d.ipynb"), "delete"
    )


def test_a_change_that_no_queue_can_keep_holds_up_no_other(folder, writer):
    folder.write("a.ipynb", notebook_of("a"))
    writer.take(FileChange("delete", "bad\udcff.ipynb"))
    writer.take(FileChange("rename", "worse\udcff.ipynb", "bad\udcff.ipynb"))
    writer.take(FileChange("save", "a.ipynb"))
    assert writer.settled(60)
    assert folder.store.get("a.ipynb")
    assert writer.problem is None
