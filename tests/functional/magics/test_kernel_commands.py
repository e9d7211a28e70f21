"""``%emr`` in a kernel that runs on a compute: what it does for the kernel's notebook, and what it cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

from jupyter_emr_connect.config import EMRConnect, load_config
from jupyter_emr_connect.errors import EMRConnectError, NotAttached
from jupyter_emr_connect.gateway.channels.local_cells import LocalCellError
from jupyter_emr_connect.magics.kernel_commands import GatewayCommands, OwnKernel
from jupyter_emr_connect.magics.screen import Screen
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.provisioning.emr_cells import lines_of
from jupyter_emr_connect.services.attachments.resolution import open_attachments
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.functional.conftest import Cloud


class Page(Screen):
    """A screen that keeps what is printed."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def _print(self, stream: str, text: str) -> None:
        self.text += text

    def _display(self, data: Mapping[str, Any], display_id: str = "", *, update: bool = False) -> None:
        """What is waited for is not looked at here."""

    def _clear(self) -> None:
        """There is nothing to clear."""


class Kernel:
    """The commands of a gateway kernel on `open`, for a notebook of the test's."""

    def __init__(self, cloud: Cloud, path: Path | None, env: Mapping[str, str]) -> None:
        self.page, self.restarts = Page(), list[str]()
        self.config = EMRConnect(config=load_config())
        self.ledger = Ledger(Database(self.config.state_file))
        record = KernelRecord("k-1", cloud.id("open"), "emr-python", None, path=str(path) if path else None)
        self.ledger.add(record)
        own = OwnKernel("k-1", record.compute, None, "gateway", env)
        self._commands = GatewayCommands(
            self.page, lambda: self.config, kernel=own, restart=lambda: self.restarts.append("k-1")
        )

    def said(self, line: str) -> str:
        self.page.text = ""
        self._commands.run(line)
        return self.page.text


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "n.ipynb"
    path.write_text("{}")
    return path.resolve()


def test_the_notebook_is_attached_and_the_kernel_stays_until_it_is_restarted(
    gateway: Any, cloud: Cloud, notebook: Path
) -> None:
    kernel = Kernel(cloud, notebook, {})
    role = cloud.roles["EMRAnalyst"]
    said = kernel.said("attach analytics --role EMRAnalyst")
    assert f"Attached {notebook} to analytics ({cloud.id('analytics')}) under {role}." in said
    assert f"This kernel still runs on {cloud.id('open')}. Restart the kernel to go there" in said
    made = open_attachments(kernel.config).at(str(notebook))
    assert made is not None
    assert (made.compute, made.runtime_role) == (cloud.id("analytics"), role)
    assert "This kernel runs there." in kernel.said("attach open")
    assert "This kernel still runs on" in kernel.said("detach")
    assert open_attachments(kernel.config).at(str(notebook)) is None
    assert kernel.restarts == []
    assert "was restarted" in kernel.said("restart")
    assert kernel.restarts == ["k-1"]


def test_a_kernel_that_was_left_behind_is_marked_for_the_notebook(cloud: Cloud, notebook: Path) -> None:
    kernel = Kernel(cloud, notebook, {})
    kernel.ledger.add(KernelRecord("0123abcd", cloud.id("open"), "emr-python", None, state="detached"))
    assert "once this kernel is shut down" in kernel.said("adopt 0123")
    marked = kernel.ledger.get("0123abcd")
    assert marked is not None
    assert (marked.path, marked.wanted) == (str(notebook), True)


REFUSALS: list[tuple[str, dict[str, str], type[Exception], str]] = [
    ("attach analytics", {"EMR_CONNECT_COMPUTE": "open"}, NotAttached, "EMR_CONNECT_COMPUTE is set"),
    ("detach", {"EMR_CONNECT_COMPUTE": "open"}, NotAttached, "EMR_CONNECT_COMPUTE is set"),
    ("detach", {}, NotAttached, "has no attachment of its own"),
    ("attach analytics --role EMRForbidden", {}, EMRConnectError, "EMRForbidden"),
    ("attach nowhere", {}, EMRConnectError, "No compute 'nowhere'"),
    ("adopt 0000", {}, EMRConnectError, "no kernel in the ledger"),
    ("attach open --as etl", {}, UsageError, "unrecognized arguments: --as etl"),
    ("atach open", {}, UsageError, "Did you mean %emr attach?"),
    ("ui", {}, UsageError, "%%info"),
    ("logs", {}, UsageError, "%%logs"),
]


def test_what_cannot_be_done_says_why(cloud: Cloud, notebook: Path) -> None:
    for line, env, error, words in REFUSALS:
        with pytest.raises(error) as raised:
            Kernel(cloud, notebook, env).said(line)
        assert words in str(raised.value), line
    with pytest.raises(NotAttached, match="Nobody says which notebook"):
        Kernel(cloud, None, {}).said("attach open")


def test_a_cell_has_lines_of_emr_alone() -> None:
    assert lines_of("# who am I\n %emr status\n\n%emr list --all") == ["status", "list --all"]
    assert lines_of("%emr") == [""]
    with pytest.raises(LocalCellError, match="in a cell of its own"):
        lines_of("%emr status\nx = 1")
    with pytest.raises(LocalCellError, match="in a cell of its own"):
        lines_of("%emr status\n%emrx")
