"""``jupyter emr backups status`` and ``now``, without a server."""

from __future__ import annotations

import json

import pytest

from jupyter_emr_connect.sandbox.aws.s3.stored import current_object, get_bucket

BUCKET = "emr-sandbox-notebooks"


@pytest.fixture
def folder(cloud, tmp_path, monkeypatch):
    """The folder where commands are typed, with a notebook and a configuration that has a location."""
    settings = tmp_path / "config" / "jupyter_emr_connect_config.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(json.dumps({"EMRConnect": {"backup_location": f"s3://{BUCKET}/cli"}}))
    made = tmp_path / "notebooks"
    made.mkdir()
    (made / "a.ipynb").write_text("{}")
    monkeypatch.chdir(made)
    return made


def test_now_uploads_and_status_tells(emr, folder):
    emr("backups", "now").failed_with("No Jupyter server has made backups", "--root")
    done = emr("backups", "now", "--json", "--root", ".")
    assert done.code == 0, done.err
    assert done.json["state"] == "in S3"
    assert [item["key"] for item in done.json["items"]] == ["cli/a.ipynb"]
    assert current_object(get_bucket(BUCKET), "cli/a.ipynb").value == b"{}"
    told = emr("backups", "status", "a.ipynb")
    assert told.code == 0
    assert "in S3" in told.out
    assert f"s3://{BUCKET}/cli" in told.out
    (folder.parent / "config" / "jupyter_emr_connect_config.json").write_text("{}")
    emr("backups", "status", "--root", ".").failed_with("Backups are off", f"1 file stays in s3://{BUCKET}/cli")
    assert current_object(get_bucket(BUCKET), "cli/a.ipynb")


@pytest.mark.slow
def test_now_exits_with_1_and_says_what_is_in_the_way(emr, folder, cloud):
    cloud.world.faults.set("expire-credentials")
    done = emr("backups", "now", "--wait", "30", "--root", ".")
    assert done.code == 1
    assert "expired" in done.err
    assert "waiting" in done.out
    assert emr("backups", "status", "--json").json["waiting"] == 1


def test_without_a_location_it_says_so(emr, cloud, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    emr("backups", "status").failed_with("Backups are off", "backup_location")


def test_a_place_that_is_wrong_holds_up_no_other_and_is_told(emr, folder):
    config = folder.parent / "config" / "jupyter_emr_connect_config.json"
    settings = json.loads(config.read_text())
    settings["EMRConnect"]["backup_locations"] = {"wrong": "bucket/prefix", "scratch": ""}
    config.write_text(json.dumps(settings))
    emr("backups", "now", "--root", ".").failed_with("'bucket/prefix', which is no place in S3", "s3://bucket/prefix")
    assert current_object(get_bucket(BUCKET), "cli/a.ipynb").value == b"{}"
    (folder / "scratch").mkdir()
    emr("backups", "now", "scratch", "--root", ".").failed_with("scratch has no backups", "EMRConnect.backup_locations")
