"""Nothing of anybody is ever overwritten: whoever has not seen the other's change is told, and chooses."""

from __future__ import annotations

import json

import pytest

from jupyter_emr_connect.errors import BackupConflict, PathNotFound
from jupyter_emr_connect.services.backups.conflicts import describe, resolve
from tests.functional.services.backups.conftest import notebook_of


@pytest.fixture
def ada(make_folder):
    return make_folder("ada")


@pytest.fixture
def bob(make_folder):
    return make_folder("bob")


@pytest.fixture
def apart(ada, bob):
    """Return what lets both work on one file apart: bob's edit is in S3, ada's is in conflict with it."""

    def edit(mine: str, theirs: str, base: str = notebook_of("one", two="two")) -> None:
        ada.save("a.ipynb", base)
        ada.work()
        bob.save("a.ipynb", base)
        bob.work()
        bob.save("a.ipynb", theirs)
        bob.work()
        ada.save("a.ipynb", mine)
        ada.work()

    return edit


def test_who_comes_second_is_told_and_nothing_is_overwritten(ada, bob, apart, bucket):
    apart(notebook_of("mine"), notebook_of("theirs"))
    assert bob.state("a.ipynb")["state"] == "in S3"
    told = ada.state("a.ipynb")
    assert told["state"] == "conflict"
    assert "was changed in S3 by" in told["message"]
    assert "theirs" in told["fix"]
    assert bucket.text("team/a.ipynb") == notebook_of("theirs")
    assert (ada.root / "a.ipynb").read_text() == notebook_of("mine")
    ada.save("a.ipynb", notebook_of("mine again"))  # stays one
    ada.work()
    assert ada.state("a.ipynb")["state"] == "conflict"
    assert bucket.text("team/a.ipynb") == notebook_of("theirs")


def test_the_same_content_is_no_conflict(ada, bob, bucket):
    for folder in (ada, bob):
        folder.save("a.ipynb", notebook_of("same"))
        folder.work()
    assert bob.state("a.ipynb")["state"] == "in S3"
    assert bucket.puts() == 1


def test_an_object_uploaded_by_hand_is_not_overwritten(ada, bucket):
    store = ada.worker.uploader().bucket
    store.put("team/a.ipynb", b"by hand", if_none_match=True)
    ada.save("a.ipynb", notebook_of("mine"))
    ada.work()
    assert bucket.text("team/a.ipynb") == "by hand"
    assert ada.state("a.ipynb")["state"] == "conflict"


def test_an_object_deleted_elsewhere_is_written_anew(ada, bucket):
    ada.save("a.ipynb", notebook_of("first"))
    ada.work()
    ada.worker.uploader().bucket.delete("team/a.ipynb")
    ada.save("a.ipynb", notebook_of("second"))
    ada.work()
    assert bucket.text("team/a.ipynb") == notebook_of("second")
    assert ada.state("a.ipynb")["state"] == "in S3"


def test_a_delete_leaves_what_others_have_written_since(ada, bob, bucket):
    ada.save("a.ipynb", notebook_of("base"))
    ada.work()
    bob.save("a.ipynb", notebook_of("base"))
    bob.work()
    bob.save("a.ipynb", notebook_of("bob's"))
    bob.work()
    (ada.root / "a.ipynb").unlink()
    ada.store.delete(["a.ipynb"])
    ada.work()
    assert bucket.text("team/a.ipynb") == notebook_of("bob's")


def test_both_sides_and_a_clean_merge_are_shown(ada, apart):
    apart(notebook_of("mine", two="two"), notebook_of("one", two="theirs", three="new"))
    shown = describe(ada.worker.uploader(), "a.ipynb")
    assert shown["mergeable"] is True
    assert [cell["source"] for cell in shown["merged"]["cells"]] == ["mine", "theirs", "new"]
    assert [row["cell_id"] for row in shown["diff"]] == ["one", "two", "three"]
    assert shown["diff"][0]["base"]["source"] == "one"
    assert shown["diff"][2]["mine"] is None
    assert shown["theirs"]["host"]
    assert shown["theirs"]["size"] == len(notebook_of("one", two="theirs", three="new"))


@pytest.mark.slow
@pytest.mark.parametrize("versions", [True, False], ids=["versions", "no-versions"])
@pytest.mark.parametrize("choice", ["mine", "theirs", "both", "merge"])
def test_the_users_choice_is_done_and_the_other_side_can_be_had(ada, apart, bucket, choice, versions):
    if not versions:
        bucket.keep_no_versions()
    mine, theirs = notebook_of("mine", two="two"), notebook_of("one", two="theirs")
    apart(mine, theirs)
    answer = resolve(ada.worker.uploader(), "a.ipynb", choice)
    ada.work()
    here = (ada.root / "a.ipynb").read_text()
    everything = [version for key in sorted(bucket.keys()) for version in bucket.versions(key)]
    assert mine in everything
    assert theirs in everything
    assert bucket.text("team/a.ipynb") == here
    assert ada.state("a.ipynb")["state"] == "in S3"
    if choice in ("mine", "both"):
        assert here == mine
    if choice == "theirs":
        assert here == theirs
    if choice == "merge":
        assert [cell["source"] for cell in json.loads(here)["cells"]] == ["mine", "theirs"]
    if choice == "both":
        assert (ada.root / answer["saved_present_as"]).read_text() == theirs
    if choice in ("theirs", "merge"):
        assert answer["saved_present_as"].startswith("history:")
    with pytest.raises(PathNotFound):
        resolve(ada.worker.uploader(), "a.ipynb", choice)


def test_changes_of_one_cell_by_both_do_not_merge(ada, apart, bucket):
    apart(notebook_of("mine", two="two"), notebook_of("theirs", two="two"))
    assert describe(ada.worker.uploader(), "a.ipynb")["mergeable"] is False
    with pytest.raises(BackupConflict, match="same cell"):
        resolve(ada.worker.uploader(), "a.ipynb", "merge")
    assert bucket.text("team/a.ipynb") == notebook_of("theirs", two="two")


def test_a_write_whose_answer_was_lost_is_no_conflict_with_itself(ada, bucket, cloud):
    ada.save("a.ipynb", notebook_of("first"))
    cloud.world.faults.set("lost-answer", options={"action": "PutObject"})
    ada.work()
    assert bucket.text("team/a.ipynb") == notebook_of("first")
    ada.save("a.ipynb", notebook_of("second"))  # written once more before anybody knows of the first
    cloud.world.faults.clear()
    ada.work()
    assert bucket.versions("team/a.ipynb") == [notebook_of("first"), notebook_of("second")]
    assert ada.state("a.ipynb")["state"] == "in S3"
