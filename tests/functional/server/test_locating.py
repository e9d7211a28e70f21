"""Which attachment a kernel of a server gets, by the request that starts it: never that of another notebook.

The computes are named after what is attached to them and do not exist, so that each start says which one was meant.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.services.attachments.location import key_of
from jupyter_emr_connect.services.attachments.resolution import open_attachments

MADE_UP = "n-jvsc-0f3c2c1e-5f3a-4c55-9d3b-1b7a3a0d2c4e6f1d.ipynb"
OURS = Path(__file__).parents[3] / "kernels" / "emr-python"
Start = Callable[..., Awaitable[str]]


@pytest.fixture
def attached(jp_serverapp, jp_root_dir, tmp_path) -> Path:
    """Notebooks and folders, each attached to a compute of its own name; returns the server's folder."""
    kernelspecs = Path(jp_serverapp.kernel_spec_manager.kernel_dirs[0])
    shutil.copytree(OURS, kernelspecs / "emr-python")
    store = open_attachments(jp_serverapp.web_app.settings["emr_connect"])
    shared = tmp_path / "elsewhere" / "shared"
    shared.mkdir(parents=True)
    (jp_root_dir / "work").mkdir()
    (jp_root_dir / "linked").symlink_to(shared)
    for name in ("n.ipynb", "work/n.ipynb", "work/plain.ipynb", "linked/n.ipynb"):
        (jp_root_dir / name).write_text("{}")
    for name, compute in (
        ("", "of-the-root"),
        ("n.ipynb", "of-the-roots-notebook"),
        ("work", "of-work"),
        ("work/n.ipynb", "of-works-notebook"),
        ("linked/n.ipynb", "of-the-linked-notebook"),
        ("work/away/n.ipynb", "of-another-branch"),
    ):
        store.put(Attachment(compute, path=key_of(str(jp_root_dir / name))))
    return jp_root_dir


@pytest.fixture
def start(cloud, attached, http_server_client, jp_auth_header, jp_base_url, caplog) -> Start:
    """Ask the server for a kernel; returns the compute that it was to run on."""

    async def call(route: str, body: dict[str, object], verb: str = "POST") -> str:
        caplog.clear()
        await http_server_client.fetch(
            f"{jp_base_url}api/{route}",
            method=verb,
            body=json.dumps(body),
            headers=jp_auth_header,
            raise_error=False,
            request_timeout=60,
        )
        (said,) = [record.getMessage() for record in caplog.records if "did not start" in record.getMessage()]
        found = re.search(r"of-[a-z-]+", said)
        assert found, said
        return found.group()

    return call


def session(path: str, name: str | None = None, kind: str = "notebook") -> dict[str, object]:
    given = path.rsplit("/", 1)[-1] if name is None else name
    return {"path": path, "name": given, "type": kind, "kernel": {"name": "emr-python"}}


SESSIONS = [
    ("work/n.ipynb", None, "of-works-notebook"),
    ("work/plain.ipynb", None, "of-work"),
    ("work/n.ipynb", "", "of-works-notebook"),
    (MADE_UP, "n.ipynb", "of-the-root"),  # VS Code: the name is that of a file on the user's machine
    (f"work/{MADE_UP}", "n.ipynb", "of-work"),
    ("RTC:work/n.ipynb", "n.ipynb", "of-works-notebook"),  # jupyter-collaboration
    ("RTC:n.ipynb", None, "of-the-roots-notebook"),
    ("S3:work/n.ipynb", "n.ipynb", "of-the-root"),  # a drive that is not the server's folder
    ("work/away/n.ipynb", None, "of-another-branch"),  # its folder is not there now
    ("linked/n.ipynb", None, "of-the-linked-notebook"),
    ("linked/plain.ipynb", None, "of-the-root"),
]


@pytest.mark.slow
async def test_a_session_has_the_attachment_of_its_path(start: Start):
    for path, name, compute in SESSIONS:
        assert await start("sessions", session(path, name)) == compute, path


@pytest.mark.slow
async def test_a_console_and_a_kernel_without_a_session_have_the_folders(start: Start):
    assert await start("sessions", session("work/console-1-0f3c", "Console 1", "console")) == "of-work"
    assert await start("kernels", {"name": "emr-python", "path": "work"}) == "of-work"
    assert await start("kernels", {"name": "emr-python", "path": "work/n.ipynb"}) == "of-works-notebook"
    assert await start("kernels", {"name": "emr-python"}) == "of-the-root"


async def test_another_kernel_for_a_session_is_still_its_notebooks(start: Start, jp_serverapp, small):
    manager, kernels = jp_serverapp.session_manager, jp_serverapp.kernel_manager
    local = await kernels.start_kernel(kernel_name=small)
    made = await manager.create_session(path="work/n.ipynb", name="x", type="notebook", kernel_id=local)
    try:
        assert await start(f"sessions/{made['id']}", {"kernel": {"name": "emr-python"}}, "PATCH") == "of-works-notebook"
    finally:
        await kernels.shutdown_kernel(local, now=True)
