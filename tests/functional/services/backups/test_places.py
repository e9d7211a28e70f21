"""Where backups go when the caller changes, and whose queue it is where several machines share a home."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.sandbox.world.world import OTHER_ACCOUNT
from jupyter_emr_connect.services.backups import location
from jupyter_emr_connect.services.backups.location import open_queue, working_copy
from jupyter_emr_connect.services.backups.noting import note_file
from jupyter_emr_connect.services.backups.worker import lock_of
from tests.functional.services.backups.conftest import BUCKET, notebook_of


def test_another_caller_has_everything_at_his_own_place_from_then_on(make_folder, bucket):
    settings = {"backup_location": f"s3://{BUCKET}/{{user}}", "backup_profile": "developer"}
    folder = make_folder(**settings)
    for name in ("a", "b", "gone"):
        folder.save(f"{name}.ipynb", notebook_of(name))
    folder.work()
    assert bucket.keys() == {"developer/a.ipynb", "developer/b.ipynb", "developer/gone.ipynb"}
    (folder.root / "gone.ipynb").unlink()
    folder.store.delete(["gone.ipynb"])  # not done yet when the server ends
    folder.config.backup_profile = "administrator"
    folder.begin_anew()
    folder.save("a.ipynb", notebook_of("a2"))
    folder.work()
    assert bucket.text("administrator/a.ipynb") == notebook_of("a2")
    assert bucket.text("administrator/b.ipynb") == notebook_of("b")  # that nobody has saved since
    assert bucket.text("developer/a.ipynb") == notebook_of("a")
    assert "administrator/gone.ipynb" not in bucket.keys(deleted=True)
    assert folder.state("a.ipynb")["state"] == folder.state("b.ipynb")["state"] == "in S3"
    puts = bucket.puts()
    folder.begin_anew()
    folder.worker.step()
    folder.work()
    assert bucket.puts() == puts  # and the same caller nothing anew


def test_a_caller_who_changes_while_nothing_waits_is_noticed_by_the_next_look(make_folder, bucket):
    folder = make_folder(backup_location=f"s3://{BUCKET}/{{user}}", backup_profile="developer")
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    folder.config.backup_profile = "administrator"
    folder.begin_anew()
    folder.worker.step()
    folder.work()
    assert bucket.text("administrator/a.ipynb") == notebook_of("a")


class Machines:
    """Two machines with one home on NFS; ``shared`` are the folders that both see."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, shared: set[str]) -> None:
        self._patch = monkeypatch
        monkeypatch.setattr(location, "shared_type", lambda path: "nfs4" if str(path) in shared else None)

    def be(self, name: str) -> None:
        self._patch.setattr(location.socket, "gethostname", lambda: name)


def test_two_machines_with_one_home_and_a_disk_of_their_own_have_a_queue_each(tmp_path, monkeypatch):
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    scratch.mkdir()
    config = EMRConnect(state_file=str(home / "state.sqlite"), backup_location=f"s3://{BUCKET}/team")
    machines, stores, copies, locks = Machines(monkeypatch, {str(home)}), [], [], []
    for name in ("one", "two"):
        machines.be(name)
        stores.append(open_queue(config, str(scratch)))
        copies.append(working_copy(stores[-1].file, str(scratch)))
        locks.append(lock_of(stores[-1], str(scratch), config.backup_location))
    stores[0].save(["a.ipynb"])
    assert [len(store.below("")) for store in stores] == [1, 0]
    assert copies[0] != copies[1]
    assert None not in locks  # each works on its own files
    machines.be("one")
    (scratch / "b.ipynb").write_text(notebook_of("b"))
    assert note_file(config, scratch / "b.ipynb")  # a command finds the queue of this machine
    assert {row.path for row in stores[0].below("")} == {"a.ipynb", "b.ipynb"}
    for lock in locks:
        lock.close()


def test_two_machines_that_see_the_same_files_share_the_queue_and_take_over_from_each_other(tmp_path, monkeypatch):
    home = tmp_path / "home"
    config = EMRConnect(state_file=str(home / "state.sqlite"), backup_location=f"s3://{BUCKET}/team")
    machines, stores, copies = Machines(monkeypatch, {str(home), str(home / "work")}), [], []
    for name in ("one", "two"):
        machines.be(name)
        stores.append(open_queue(config, str(home / "work")))
        copies.append(working_copy(stores[-1].file, str(home / "work")))
    stores[0].save(["a.ipynb"])
    assert [len(store.below("")) for store in stores] == [1, 1]
    assert copies[0] == copies[1]  # what one wrote is no conflict for the other
    lock = lock_of(stores[0], str(home / "work"), config.backup_location)
    assert lock is not None
    assert lock_of(stores[1], str(home / "work"), config.backup_location) is None
    lock.close()  # as the end of its process does
    taken = lock_of(stores[1], str(home / "work"), config.backup_location)
    assert taken is not None
    taken.close()


def test_settings_say_as_which_role_and_under_which_key_it_is_written(make_folder, bucket, cloud):
    key = {"backup_encryption": "aws:kms", "backup_kms_key": "alias/backups", "backup_bucket_key": True}
    folder = make_folder(**key)
    folder.save("a.ipynb", notebook_of("a"))
    folder.work()
    answer = open_session("administrator").call("s3", "HeadObject", Bucket=BUCKET, Key="team/a.ipynb")
    assert (answer["ServerSideEncryption"], answer["BucketKeyEnabled"]) == ("aws:kms", True)
    assert "alias/backups" in answer["SSEKMSKeyId"]
    folder.config.backup_access_role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRAccess"  # which may not write there
    folder.begin_anew()
    folder.save("a.ipynb", notebook_of("as the role"))
    folder.work()
    asked = [row["principal"] for row in cloud.world.log.since() if row["action"] == "PutObject"]
    assert "/EMRAccess/" in asked[-1]
    assert folder.state("a.ipynb")["state"] == "denied"
    assert bucket.text("team/a.ipynb") == notebook_of("a")
