"""Where a kernel belongs that no server starts: what its environment names, and the folder it is launched in."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_emr_connect.provisioning.locate import locate
from jupyter_emr_connect.services.attachments.location import KernelLocation


async def test_a_named_notebook_counts_before_the_folder(tmp_path: Path) -> None:
    env = {"JPY_SESSION_NAME": "/work/n.ipynb"}
    assert await locate(None, env, str(tmp_path)) == KernelLocation("/work/n.ipynb")
    assert await locate(None, {"JPY_SESSION_NAME": str(tmp_path)}, None) == KernelLocation(folder=str(tmp_path))


async def test_headless_tools_name_a_folder_or_are_in_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert await locate(None, {}, "/work") == KernelLocation(folder="/work")
    assert await locate(None, {"JPY_SESSION_NAME": ""}, "below") == KernelLocation(folder=str(tmp_path / "below"))
    assert await locate(None, {}, None) == KernelLocation(folder=str(tmp_path))


async def test_a_tool_run_in_a_cell_is_not_that_cells_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "/work/outer.ipynb")
    inherited = {"JPY_SESSION_NAME": "/work/outer.ipynb", "JPY_PARENT_PID": "1"}
    assert await locate(None, inherited, None) == KernelLocation(folder=str(tmp_path))
    own = inherited | {"JPY_SESSION_NAME": "/work/inner.ipynb"}
    assert await locate(None, own, None) == KernelLocation("/work/inner.ipynb")
