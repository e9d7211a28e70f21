"""Contents events reach their subscribers; attachments follow renames, moves, deletes, and what goes behind Jupyter."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from jupyter_core.utils import ensure_async

from jupyter_emr_connect.server.contents_events import ContentsEvent, ContentsEvents, changes_by
from jupyter_emr_connect.services.attachments.location import KernelLocation
from jupyter_emr_connect.services.attachments.resolution import resolve
from tests.functional.server.recorded import until

EMPTY = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def paths(rest):
    async def now() -> dict[str, str]:
        return {one["id"]: one["path"] for one in (await rest("GET", "attachments")).json["items"]}

    return now


@pytest.fixture
def attach(rest, jp_serverapp):
    jp_serverapp.web_app.settings["emr_connect"].connect_timeout = 60.0  # on a busy machine, too

    async def call(path: str) -> str:
        made = await rest("POST", "attachments", {"compute": "open", "path": path})
        assert made.status == 201, made.text
        return made.json["id"]

    return call


@pytest.fixture
def contents(jp_fetch):
    async def call(verb: str, path: str, body=None) -> None:
        sent = json.dumps(body) if body is not None else None
        await jp_fetch("api", "contents", *path.split("/"), method=verb, body=sent, allow_nonstandard_methods=True)

    return call


def damage(path: Path):
    """Make a file unreadable as SQLite; returns what takes it back."""
    kept = path.read_bytes()
    path.write_bytes(b"x" * len(kept))
    return lambda: path.write_bytes(kept)


async def test_every_event_has_its_source_and_a_subscriber_that_fails_is_alone(
    jp_serverapp, notebook, contents, caplog
):
    events = ContentsEvents(jp_serverapp.event_logger, jp_serverapp.log)
    seen: list[ContentsEvent] = []
    events.subscribe(lambda event: 1 / 0)
    events.subscribe(seen.append)
    await contents("PATCH", "work/report.ipynb", {"path": "work/a.ipynb"})
    manager = jp_serverapp.contents_manager
    model = await ensure_async(manager.get("work/a.ipynb"))
    seen.clear()
    with changes_by("recorder"):
        await ensure_async(manager.save(model, "work/a.ipynb"))
    await ensure_async(manager.save(model, "/work/a.ipynb"))
    await contents("PATCH", "work/a.ipynb", {"path": "work/b.ipynb"})
    assert [event for event in seen if event.action != "get"] == [
        ContentsEvent("save", "work/a.ipynb", "", "recorder"),
        ContentsEvent("save", "work/a.ipynb", "", "client"),
        ContentsEvent("rename", "work/b.ipynb", "work/a.ipynb", "client"),
    ]
    assert any("ZeroDivisionError" in str(record.exc_text) for record in caplog.records)


async def test_a_renamed_notebook_takes_its_attachment_along(notebook, attach, contents, paths):
    made = await attach("work/report.ipynb")
    await contents("PATCH", "work/report.ipynb", {"path": "work/naïve 100%.ipynb"})
    assert await paths() == {made: "work/naïve 100%.ipynb"}
    await contents("PATCH", "work/naïve 100%.ipynb", {"path": "moved.ipynb"})
    assert await paths() == {made: "moved.ipynb"}


async def test_a_kernel_that_starts_after_the_rename_finds_it(cloud, jp_serverapp, notebook, attach, contents, paths):
    await attach("work/report.ipynb")
    await contents("PATCH", "work", {"path": "archive"})
    await paths()
    config = jp_serverapp.web_app.settings["emr_connect"]
    location = KernelLocation(str(notebook.parent.parent / "archive/report.ipynb"))
    assert resolve(config, {}, location).compute == cloud.id("open")


@pytest.mark.slow
async def test_a_renamed_folder_takes_along_everything_below_it(jp_root_dir, notebook, attach, contents, paths):
    (jp_root_dir / "work" / "deep").mkdir()
    (jp_root_dir / "workshop").mkdir()
    made = [await attach(path) for path in ("work", "work/report.ipynb", "work/deep", "workshop")]
    await contents("PATCH", "work", {"path": "other"})
    assert await paths() == dict(zip(made, ["other", "other/report.ipynb", "other/deep", "workshop"], strict=True))


@pytest.mark.slow
async def test_many_renames_in_a_row_are_followed_in_their_order(notebook, attach, contents, paths):
    made = await attach("work/report.ipynb")
    names = ["work/report.ipynb", *(f"work/{number}.ipynb" for number in range(10))]
    for before, after in pairwise(names):
        await contents("PATCH", before, {"path": after})
    assert await paths() == {made: "work/9.ipynb"}


@pytest.mark.slow
async def test_a_deleted_file_or_folder_is_forgotten(jp_root_dir, notebook, attach, contents, paths):
    (jp_root_dir / "n.ipynb").write_text("{}")
    for path in ("n.ipynb", "work", "work/report.ipynb"):
        await attach(path)
    await contents("DELETE", "n.ipynb")
    assert set((await paths()).values()) == {"work", "work/report.ipynb"}
    await contents("DELETE", "work/report.ipynb")
    await contents("DELETE", "work")
    assert await paths() == {}


async def test_a_copy_has_no_attachment_of_its_own(notebook, attach, contents, paths):
    made = await attach("work/report.ipynb")
    await contents("POST", "work", {"copy_from": "work/report.ipynb"})
    assert await paths() == {made: "work/report.ipynb"}


async def test_a_renamed_link_leaves_the_attachment_with_its_file(jp_root_dir, notebook, attach, contents, paths):
    (jp_root_dir / "link.ipynb").symlink_to(notebook)
    made = await attach("link.ipynb")
    assert await paths() == {made: "work/report.ipynb"}
    await contents("PATCH", "link.ipynb", {"path": "again.ipynb"})
    assert await paths() == {made: "work/report.ipynb"}


async def test_reading_changes_nothing_though_a_file_is_on_another_branch(
    cloud, jp_serverapp, notebook, attach, paths, rest
):
    (notebook.parent / "other.ipynb").write_text("{}")
    analyst = {"compute": "analytics", "runtime_role": cloud.roles["EMRAnalyst"], "path": "work/report.ipynb"}
    made, folder = (await rest("POST", "attachments", analyst)).json["id"], await attach("work")
    text = notebook.read_text()
    notebook.unlink()
    assert await paths() == {made: "work/report.ipynb", folder: "work"}
    notebook.write_text(text)
    assert await paths() == {made: "work/report.ipynb", folder: "work"}
    config = jp_serverapp.web_app.settings["emr_connect"]
    assert resolve(config, {}, KernelLocation(str(notebook))).runtime_role == cloud.roles["EMRAnalyst"]


async def test_an_unmounted_folder_loses_nothing(jp_root_dir, notebook, attach, paths):
    made = await attach("work/report.ipynb")
    shutil.rmtree(notebook.parent)
    assert await paths() == {made: "work/report.ipynb"}  # the folder is gone altogether
    notebook.parent.mkdir()
    assert await paths() == {made: "work/report.ipynb"}  # or empty, as a mount point without its disk
    notebook.write_text("{}")
    assert await paths() == {made: "work/report.ipynb"}


async def test_a_state_file_that_fails_breaks_no_rename_and_is_told_once(
    jp_root_dir, jp_serverapp, notebook, attach, contents, rest, caplog
):
    await attach("work/report.ipynb")
    restore = damage(Path(jp_serverapp.web_app.settings["emr_connect"].state_file))
    with caplog.at_level(logging.ERROR):
        for before, after in (("report", "a"), ("a", "b"), ("b", "c")):
            await contents("PATCH", f"work/{before}.ipynb", {"path": f"work/{after}.ipynb"})
        broken = await rest("GET", "attachments")
    assert (broken.status, broken.json["code"]) == (503, "store-damaged")
    assert (jp_root_dir / "work" / "c.ipynb").exists()
    assert sum("could not follow" in record.message for record in caplog.records) == 1
    restore()
    assert (await rest("GET", "attachments")).status == 200


async def test_a_change_that_is_proved_while_its_notebook_is_renamed_follows_it(
    gateway, notebook, attach, contents, paths, rest
):
    made = await attach("work/report.ipynb")
    gateway.hold.clear()
    gateway.asked.clear()
    change = asyncio.ensure_future(rest("PATCH", f"attachments/{made}", {"transport": "gateway"}))
    assert await until(lambda: gateway.asked)
    await contents("PATCH", "work/report.ipynb", {"path": "work/renamed.ipynb"})
    assert await paths() == {made: "work/renamed.ipynb"}
    gateway.hold.set()
    assert (await change).json["path"] == "work/renamed.ipynb"
    assert await paths() == {made: "work/renamed.ipynb"}


@pytest.mark.slow
@pytest.mark.parametrize("by", ["Jupyter", "another program", "its folder"])
async def test_a_notebook_renamed_while_it_is_attached_is_attached_by_its_new_name(
    by, gateway, notebook, contents, paths, rest, jp_serverapp
):
    jp_serverapp.web_app.settings["emr_connect"].connect_timeout = 60.0
    gateway.hold.clear()
    attaching = asyncio.ensure_future(rest("POST", "attachments", {"compute": "open", "path": "work/report.ipynb"}))
    assert await until(lambda: gateway.asked)
    new = "archive/report.ipynb" if by == "its folder" else "work/renamed.ipynb"
    if by == "Jupyter":
        await contents("PATCH", "work/report.ipynb", {"path": new})
    elif by == "its folder":
        await contents("PATCH", "work", {"path": "archive"})
        notebook.parent.mkdir()
    else:
        notebook.rename(notebook.with_name("renamed.ipynb"))
    notebook.write_text("{}")  # another takes the former name
    gateway.hold.set()
    made = await attaching
    assert (made.status, made.json["path"]) == (201, new)
    assert await paths() == {made.json["id"]: new}


async def test_a_notebook_deleted_while_it_is_attached_is_said_to_be(
    gateway, notebook, contents, paths, rest, jp_serverapp
):
    jp_serverapp.web_app.settings["emr_connect"].connect_timeout = 60.0
    gateway.hold.clear()
    attaching = asyncio.ensure_future(rest("POST", "attachments", {"compute": "open", "path": "work/report.ipynb"}))
    assert await until(lambda: gateway.asked)
    await contents("DELETE", "work/report.ipynb")  # to the trash
    gateway.hold.set()
    refused = await attaching
    assert (refused.status, refused.json["code"]) == (404, "path-not-found")
    assert await paths() == {}


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *who, "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def committed(notebook):
    """The notebook's folder as a git working tree that has it."""
    git(notebook.parent, "init", "-q")
    git(notebook.parent, "add", ".")
    git(notebook.parent, "commit", "-qm", "Begin")
    return notebook


async def test_what_git_brings_back_is_attached_as_before(committed, attach, contents, paths, jp_serverapp, cloud):
    made = await attach("work/report.ipynb")
    await contents("DELETE", "work/report.ipynb")
    await paths()
    git(committed.parent, "checkout", "--", "report.ipynb")
    assert await paths() == {made: "work/report.ipynb"}
    config = jp_serverapp.web_app.settings["emr_connect"]
    assert resolve(config, {}, KernelLocation(str(committed))).compute == cloud.id("open")


@pytest.mark.slow
@pytest.mark.parametrize("removed_by", ["Jupyter", "another program"])
async def test_a_new_notebook_does_not_get_what_one_of_its_name_had(
    removed_by, committed, attach, contents, paths, jp_serverapp
):
    await attach("work/report.ipynb")
    if removed_by == "Jupyter":
        await contents("DELETE", "work/report.ipynb")
    else:
        committed.unlink()
    await contents("PUT", "work/report.ipynb", {"type": "notebook", "format": "json", "content": EMPTY})
    assert await paths() == {}
    made = await attach("work/report.ipynb")
    await contents("PUT", "work/report.ipynb", {"type": "notebook", "format": "json", "content": EMPTY})
    assert await paths() == {made: "work/report.ipynb"}  # no other one: it was there


async def test_a_tab_that_saves_what_was_removed_on_the_disk_goes_on(notebook, attach, contents, paths):
    made = await attach("work/report.ipynb")
    notebook.unlink()
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "text"}
    book = {**EMPTY, "cells": [cell]}
    await contents("PUT", "work/report.ipynb", {"type": "notebook", "format": "json", "content": book})
    assert await paths() == {made: "work/report.ipynb"}


async def test_a_copy_by_the_name_of_a_removed_one_has_no_attachment(notebook, attach, contents, paths):
    copy = notebook.with_name("report-Copy1.ipynb")
    copy.write_text(notebook.read_text())
    await attach("work/report-Copy1.ipynb")
    copy.unlink()
    await contents("POST", "work", {"copy_from": "work/report.ipynb"})
    assert copy.exists()
    assert await paths() == {}
