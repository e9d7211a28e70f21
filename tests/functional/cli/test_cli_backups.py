"""``jupyter emr backups list``, ``diff`` and ``restore``, on the sandbox's S3."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_emr_connect.aws.s3 import S3Store
from jupyter_emr_connect.aws.session import SessionKey

BUCKET = "emr-sandbox-notebooks"
NAMES = [
    "100% +#?='~&.ipynb",
    "a folder/\N{SNOWMAN}\U0001f600.ipynb",
    "line\nbreak.ipynb",
    "e\N{COMBINING ACUTE ACCENT}.ipynb",
    "\N{LATIN SMALL LETTER E WITH ACUTE}.ipynb",
    "case.ipynb",
    "Case.ipynb",
    "/".join(["deep" * 30] * 8) + ".txt",
    "empty.txt",
]


@pytest.fixture
def store(cloud):
    return S3Store(BUCKET)


@pytest.fixture
def root(cloud, tmp_path, monkeypatch):
    """The Jupyter server's folder, in which commands are typed."""
    folder = tmp_path / "root"
    folder.mkdir()
    (tmp_path / "config").mkdir(exist_ok=True)
    settings = {"EMRConnect": {"backup_location": f"s3://{BUCKET}/team"}}
    (tmp_path / "config" / "jupyter_emr_connect_config.json").write_text(json.dumps(settings))
    monkeypatch.chdir(folder)
    return folder


def notebook(*texts: str) -> bytes:
    cells = [
        {"id": f"cell-{number}", "cell_type": "markdown", "metadata": {}, "source": text}
        for number, text in enumerate(texts, 1)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def files_in(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_versions_are_listed_compared_and_restored(store, root, emr):
    about = {"emr-connect-compute": "j-1", "emr-connect-role": "arn:aws:iam::123456789012:role/EMRAnalyst"}
    first = store.put("team/work.ipynb", notebook("a", "b"), metadata=about)
    latest = store.put("team/work.ipynb", notebook("a", "changed"))
    (root / "work.ipynb").write_bytes(notebook("a", "mine"))
    items = emr("backups", "list", "work.ipynb", "--json").json["items"]
    assert [item["version_id"] for item in items] == [latest.version_id, first.version_id]
    assert (items[1]["compute"], items[1]["runtime_role"]) == ("j-1", about["emr-connect-role"])
    assert "EMRAnalyst" in emr("backups", "list", "work.ipynb").out

    said = emr("backups", "diff", "work.ipynb", "--version", first.version_id).out
    assert said == "Cell cell-2: changed\n  @@ -1 +1 @@\n  -b\n  +mine\n"
    [change] = emr("backups", "diff", "work.ipynb", "--against", first.version_id, "--json").json["items"]
    assert (change["kind"], change["new"]["source"]) == ("changed", "b")

    ended = emr("backups", "restore", "work.ipynb", "--version", first.version_id, "--json")
    assert (root / "work.ipynb").read_bytes() == notebook("a", "b")
    kept = ended.json["saved_present_as"]
    emr("backups", "restore", "work.ipynb", "--version", kept, "--to", "kept.ipynb")
    assert (root / "kept.ipynb").read_bytes() == notebook("a", "mine")
    assert emr("backups", "restore", "work.ipynb", "--version", kept, "--cell", "cell-2").code == 0
    assert [cell["source"] for cell in json.loads((root / "work.ipynb").read_bytes())["cells"]] == ["a", "mine"]


def test_a_folder_comes_to_an_empty_machine_under_the_same_names(store, root, emr, tmp_path):
    for name in NAMES:
        store.put(f"team/{name}", b"" if name == "empty.txt" else name.encode())
    store.put("team/.emr-connect/history/x.ipynb/20261130T000000Z", b"ours")
    store.put("team/folder/", b"")
    target = tmp_path / "new"
    ended = emr("backups", "restore", f"s3://{BUCKET}/team", "--to", str(target), "--json")
    assert ended.code == 0, ended.err
    assert files_in(target) == {name: b"" if name == "empty.txt" else name.encode() for name in NAMES}
    assert ended.json["restored"] == len(NAMES)
    again = emr("backups", "restore", f"s3://{BUCKET}/team", "--to", str(target), "--json").json
    assert (again["restored"], again["present"]) == (0, len(NAMES))


def test_a_folder_leaves_other_content_alone_unless_told_to(store, root, emr, tmp_path):
    store.put("team/a.txt", b"backup")
    (root / "a.txt").write_bytes(b"my own")
    ended = emr("backups", "restore", f"s3://{BUCKET}/team", "--json")
    assert (ended.json["kept"], (root / "a.txt").read_bytes()) == (["a.txt"], b"my own")
    ended = emr("backups", "restore", f"s3://{BUCKET}/team", "--overwrite", "--json")
    [replaced] = ended.json["replaced"]
    assert (root / "a.txt").read_bytes() == b"backup"
    assert (root / Path(replaced["saved_present_as"]).name).read_bytes() == b"my own"


def test_a_folder_goes_on_where_it_was_cut_off(store, root, emr, cloud, tmp_path):
    from jupyter_emr_connect.services.backups.folder import FolderRestore

    content = bytes(range(256)) * 4096
    store.put("team/large.bin", content)
    target = tmp_path / "new"
    work = FolderRestore(store, "team/", target)
    work._stop.set()  # as after Ctrl-C: the first chunk has come
    assert work.run().restored == 0
    [part] = files_in(target)
    have = (target / part).stat().st_size
    assert 0 < have < len(content)
    sent = [row["bytes"] for row in cloud.world.log.since() if row["action"] == "GetObject"]
    assert FolderRestore(store, "team/", target).run().restored == 1
    assert files_in(target) == {"large.bin": content}
    rest = [row["bytes"] for row in cloud.world.log.since() if row["action"] == "GetObject"][len(sent) :]
    assert sum(rest) < len(content)


def test_a_folder_as_it_was_then(cloud, root, emr, tmp_path):
    store = S3Store(BUCKET, SessionKey("administrator"))
    store.put("team/a.txt", b"1")
    then = store.head("team/a.txt").modified
    later = then.replace(year=then.year + 1)
    at = emr("backups", "restore", f"s3://{BUCKET}/team", "--at", later.isoformat(), "--to", "x", "--json")
    assert at.json["restored"] == 1
    before = then.replace(year=then.year - 1)
    at = emr("backups", "restore", f"s3://{BUCKET}/team", "--at", before.isoformat(), "--to", "y", "--json")
    assert at.json["restored"] == 0
    assert emr("backups", "restore", f"s3://{BUCKET}/team", "--at", "yesterday").code == 1


@pytest.mark.parametrize("key", ["team/../out.txt", "team//out.txt", "team/link/out.txt", f"team/{'x' * 300}"])
def test_a_key_that_no_file_can_have_is_named_and_nothing_is_written_elsewhere(store, root, emr, tmp_path, key):
    (root / "link").symlink_to(tmp_path)
    store.put(key, b"1")
    store.put("team/good.txt", b"1")
    before = set(tmp_path.iterdir())
    ended = emr("backups", "restore", f"s3://{BUCKET}/team", "--json")
    assert (ended.code, ended.json["restored"]) == (1, 1)
    assert [row["path"] for row in ended.json["failed"]] == [key.removeprefix("team/")]
    assert set(tmp_path.iterdir()) == before


def test_what_keeps_everything_from_coming_is_one_error(store, root, emr):
    assert emr("backups", "restore", "s3://no-such-bucket/x").code == 1
    assert "no bucket 'no-such-bucket'" in emr("backups", "restore", "s3://no-such-bucket/x").err
    ended = emr("backups", "restore", f"s3://{BUCKET}/team", "--profile", "denied")
    assert (ended.code, "s3:ListBucket" in ended.err) == (1, True)
    assert emr("backups", "restore", "work.ipynb", "--overwrite").code == 2
    assert emr("backups", "restore", "s3://b-b/x", "--cell", "y").code == 2
