"""Kernels whose notebook's file is not there: whether git may bring it back."""

from __future__ import annotations

import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.services.git import is_known_to_git
from jupyter_emr_connect.services.kernels.listing import ListedKernel
from jupyter_emr_connect.services.kernels.orphans import ABSENT, why_orphan

DAY = timedelta(days=1)


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    subprocess.run(["git", *who, "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git working tree on a branch without ``there.ipynb``, which another branch has."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "main.ipynb").write_text("{}")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Begin")
    git(tmp_path, "switch", "-q", "-c", "other")
    (tmp_path / "work" / "there.ipynb").write_text("{}")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Add a notebook")
    git(tmp_path, "switch", "-q", "main")
    return tmp_path / "work"


def why(path: Path, *, left: timedelta = timedelta(hours=1), older_than: timedelta = DAY) -> str | None:
    since = (datetime.now(timezone.utc) - left).isoformat()
    record = KernelRecord(
        "k", "j-1", "emr-python", "http://h:1", state="detached", persistent=True, path=str(path), since=since
    )
    return why_orphan(ListedKernel(record, None, False, "idle"), older_than)


def test_one_on_another_branch_may_come_back(checkout: Path) -> None:
    assert is_known_to_git(str(checkout / "there.ipynb"))
    assert why(checkout / "there.ipynb") == ABSENT
    assert why(checkout / "there.ipynb", left=2 * DAY) == "its notebook is gone"
    assert why(checkout / "main.ipynb") is None


def test_one_that_was_never_committed_is_gone(checkout: Path) -> None:
    assert not is_known_to_git(str(checkout / "never.ipynb"))
    assert why(checkout / "never.ipynb") == "its notebook is gone"


def test_one_in_no_working_tree_is_gone(tmp_path: Path) -> None:
    assert not is_known_to_git(str(tmp_path / "a.ipynb"))


def test_one_is_kept_where_git_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /nowhere/at/all")
    assert is_known_to_git(str(tmp_path / "a.ipynb"))
