"""What keeps backups from S3 is said with its cause and fix, is tried again, and ends by itself."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.errors import BucketNotFound, ConfigurationError
from jupyter_emr_connect.services.backups.status import status_of
from tests.functional.services.backups.conftest import notebook_of, until


def told(folder) -> dict:
    return status_of(folder.config, folder.store)


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
