"""A server whose contents manager keeps no files: attachments are kept by API path."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from jupyter_server.services.contents.checkpoints import AsyncCheckpoints
from jupyter_server.services.contents.manager import AsyncContentsManager

from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.services.attachments.resolution import open_attachments
from tests.functional.server.recorded import until

OURS = Path(__file__).parents[3] / "kernels" / "emr-python"


class NoCheckpoints(AsyncCheckpoints):
    async def list_checkpoints(self, path):
        return []


class Elsewhere(AsyncContentsManager):
    """Knows the names of notebooks and folders, as a store of objects does; ``root_dir`` means nothing to it."""

    checkpoints_class = NoCheckpoints
    notebooks = {"team/report.ipynb"}

    async def dir_exists(self, path):
        return any(name.startswith(f"{path}/".lstrip("/")) for name in self.notebooks)

    async def file_exists(self, path=""):
        return path in self.notebooks

    async def is_hidden(self, path):
        return False

    async def rename_file(self, old_path, new_path):
        self.notebooks = {new_path + name[len(old_path) :] for name in self.notebooks}

    async def delete_file(self, path):
        self.notebooks = {name for name in self.notebooks if name != path}


@pytest.fixture
def jp_server_config(jp_server_config):
    jp_server_config["ServerApp"]["contents_manager_class"] = Elsewhere
    jp_server_config["EMRConnect"]["backup_location"] = "s3://emr-sandbox-notebooks/team"
    return jp_server_config


async def test_attach_rename_and_delete_by_api_path(jp_serverapp, rest):
    contents = jp_serverapp.contents_manager
    made = await rest("POST", "attachments", {"compute": "open", "path": "team/report.ipynb"})
    assert (made.status, made.json["path"]) == (201, "team/report.ipynb"), made.text
    config = jp_serverapp.web_app.settings["emr_connect"]
    assert [one.path for one in open_attachments(config).all()] == ["contents:/team/report.ipynb"]
    missing = await rest("POST", "attachments", {"compute": "open", "path": "team/other.ipynb"})
    assert (missing.status, missing.json["code"]) == (404, "path-not-found")
    folder = await rest("POST", "attachments", {"compute": "open", "path": "team"})
    holding = await rest("GET", "attachments", params={"path": "team/report.ipynb"})
    assert [one["id"] for one in holding.json["items"]] == [made.json["id"], folder.json["id"]]
    await contents.rename("team", "archive")
    listed = (await rest("GET", "attachments")).json["items"]
    assert [one["path"] for one in listed] == ["archive", "archive/report.ipynb"]
    backups = (await rest("GET", "backups/status")).json
    assert backups["state"] == "in S3"
    assert "what is saved here has backups" in backups["message"]
    await contents.delete("archive/report.ipynb")
    assert [one["path"] for one in (await rest("GET", "attachments")).json["items"]] == ["archive"]


async def test_one_that_is_renamed_while_it_is_attached_is_followed(gateway, jp_serverapp, rest):
    jp_serverapp.web_app.settings["emr_connect"].connect_timeout = 60.0
    gateway.hold.clear()
    attaching = asyncio.ensure_future(rest("POST", "attachments", {"compute": "open", "path": "team/report.ipynb"}))
    assert await until(lambda: gateway.asked)
    await jp_serverapp.contents_manager.rename("team", "archive")
    gateway.hold.set()
    assert (await attaching).status == 201
    listed = (await rest("GET", "attachments")).json["items"]
    assert [one["path"] for one in listed] == ["archive/report.ipynb"]


async def test_a_kernel_finds_the_attachment_of_its_notebook(
    cloud, jp_serverapp, http_server_client, jp_auth_header, jp_base_url, caplog
):
    """The compute does not exist, so the start says which one was meant."""
    shutil.copytree(OURS, Path(jp_serverapp.kernel_spec_manager.kernel_dirs[0]) / "emr-python")
    store = open_attachments(jp_serverapp.web_app.settings["emr_connect"])
    store.put(Attachment("of-the-team", path="contents:/team"))
    body = {"path": "team/report.ipynb", "name": "report.ipynb", "type": "notebook", "kernel": {"name": "emr-python"}}
    url, sent = f"{jp_base_url}api/sessions", json.dumps(body)
    await http_server_client.fetch(url, method="POST", body=sent, headers=jp_auth_header, raise_error=False)
    assert "did not start. Stage 'credentials': No compute 'of-the-team'" in caplog.text
