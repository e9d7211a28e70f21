"""Which keys an attachment may have to hold for a path, and what is said where none holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import NotAttached
from jupyter_emr_connect.models import Attachment
from jupyter_emr_connect.services.attachments.location import KernelLocation, is_made_up, key_of, keys_above
from jupyter_emr_connect.services.attachments.resolution import notebooks_apart, open_attachments, resolve

MADE_UP = "n-jvsc-0f3c2c1e-5f3a-4c55-9d3b-1b7a3a0d2c4e6f1d.ipynb"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that a server may serve, with `shared` linked into `work`."""
    (tmp_path / "elsewhere" / "shared").mkdir(parents=True)
    (tmp_path / "root" / "work").mkdir(parents=True)
    (tmp_path / "root" / "work" / "shared").symlink_to(tmp_path / "elsewhere" / "shared")
    return tmp_path / "root"


@pytest.fixture
def config(tmp_path: Path) -> EMRConnect:
    return EMRConnect(state_file=str(tmp_path / "state.sqlite"))


def attach(config: EMRConnect, path: Path) -> None:
    """Attach a path to a compute of its own name."""
    open_attachments(config).put(Attachment(path.name, path=key_of(str(path))))


def compute_of(config: EMRConnect, path: Path | str) -> str:
    return resolve(config, {}, KernelLocation(str(path))).compute


def test_a_linked_folder_belongs_to_where_it_is_and_then_to_where_it_is_linked(root: Path, config: EMRConnect) -> None:
    notebook = root / "work" / "shared" / "n.ipynb"
    attach(config, root)
    assert compute_of(config, notebook) == "root"
    attach(config, root / "work")
    assert compute_of(config, notebook) == "work"
    attach(config, root.parent / "elsewhere")
    assert compute_of(config, notebook) == "elsewhere"
    with pytest.raises(NotAttached):
        compute_of(EMRConnect(state_file=f"{root}/none"), notebook)


def test_the_order_is_the_same_however_a_path_is_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    there = [str(root / "work" / "n.ipynb"), str(root / "work"), str(root)]
    for path in ("work/n.ipynb", "./work/../work/n.ipynb", f"{root}//work/n.ipynb"):
        assert keys_above(path)[:3] == there
    assert keys_above("~nobody-of-this-name/n.ipynb")[0] == str(root / "~nobody-of-this-name" / "n.ipynb")
    assert keys_above("contents:/team/n.ipynb")[:2] == ["contents:/team/n.ipynb", "contents:/team"]


@pytest.mark.parametrize(
    "name",
    [
        "\u5831\u544a\u3000\u4e00.ipynb",
        "a\u00a0b.ipynb",
        "\u0645\u06cc\u200c\u0634.ipynb",
        "\U0001f469\u200d\U0001f4bb.ipynb",
    ],
)
def test_names_are_kept_as_they_are(root: Path, config: EMRConnect, name: str) -> None:
    (root / name).write_text("{}")
    attach(config, root / name)
    assert compute_of(config, root / name) == name
    with pytest.raises(NotAttached):
        compute_of(
            config,
            root / name.replace("\u3000", " ").replace("\u00a0", " ").replace("\u200c", "").replace("\u200d", ""),
        )


def test_a_made_up_path_has_the_folders_attachment_and_no_notebook(root: Path, config: EMRConnect) -> None:
    location = KernelLocation(str(root / MADE_UP))
    with pytest.raises(NotAttached) as refused:
        resolve(config, {}, location)
    assert "hides the notebook's path" in refused.value.message
    assert str(root) in refused.value.message
    assert f"attach COMPUTE '{root}'" in refused.value.fix
    attach(config, root)
    assert resolve(config, {}, location).compute == "root"
    assert location.notebook is None
    assert not is_made_up("/work/my-jvsc-plan.ipynb")


def test_a_kernel_without_a_notebook_belongs_to_its_folder(root: Path, config: EMRConnect) -> None:
    location = KernelLocation(folder=str(root / "work"))
    with pytest.raises(NotAttached) as refused:
        resolve(config, {}, location)
    assert f"{root}/work" in refused.value.message
    assert "attach COMPUTE FOLDER" in refused.value.fix
    attach(config, root / "work")
    assert resolve(config, {}, location).compute == "work"
    assert location.notebook is None


def test_notebooks_of_a_folder_with_attachments_of_their_own_are_known(root: Path, config: EMRConnect) -> None:
    (root / "work" / "deep").mkdir()
    for path in (root, root / "n.ipynb", root / "work", root / "work" / "m.ipynb", root / "work" / "deep"):
        attach(config, path)
    assert notebooks_apart(config, str(root / "work")) == [str(root / "work" / "m.ipynb")]
    assert notebooks_apart(config, str(root / "work" / "deep")) == []


def test_a_copy_is_told_how_to_name_a_compute(root: Path, config: EMRConnect) -> None:
    with pytest.raises(NotAttached) as refused:
        resolve(config, {}, KernelLocation(str(root / "staged" / "n.ipynb")))
    assert "A copy, as schedulers make them" in refused.value.fix
    assert "EMR_CONNECT_COMPUTE" in refused.value.fix


def test_the_notebook_is_what_a_link_leads_to(root: Path) -> None:
    (root / "n.ipynb").write_text("{}")
    os.link(root / "n.ipynb", root / "other.ipynb")
    (root / "link.ipynb").symlink_to(root / "n.ipynb")
    assert KernelLocation(str(root / "link.ipynb")).notebook == str(root / "n.ipynb")
    assert KernelLocation(str(root / "other.ipynb")).notebook == str(root / "other.ipynb")
