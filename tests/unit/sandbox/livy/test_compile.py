"""The sources that the installation compiles and ships into Livy's driver."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import jupyter_emr_connect.sandbox.livy.compile as build
from jupyter_emr_connect.errors import SandboxInstallError

CHILD = sorted((build.HERE / "child").glob("*.py"))
# What Spark's own Python environment has beside the standard library.
THERE = {*sys.stdlib_module_names, "pyspark", "py4j"}


@pytest.mark.parametrize("path", CHILD, ids=lambda path: path.name)
def test_the_child_imports_nothing_that_sparks_python_lacks(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert {name.name.split(".")[0] for name in node.names} <= THERE
        if isinstance(node, ast.ImportFrom):
            assert node.level == 1 or (node.level == 0 and (node.module or "").split(".")[0] in THERE)


def test_a_spark_without_compiler_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxInstallError, match=r"no Scala 2\.12 compiler") as failure:
        build.compile_driver(Path(sys.executable), tmp_path, [], tmp_path / "out.jar")
    assert failure.value.fix


def fake_spark(folder: Path) -> Path:
    jars = folder / "jars"
    jars.mkdir()
    (jars / "scala-compiler-2.12.18.jar").touch()
    return folder


def test_a_missing_java_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxInstallError, match="no Java at"):
        build.compile_driver(tmp_path / "java", fake_spark(tmp_path), [], tmp_path / "out" / "driver.jar")
    assert not list((tmp_path / "out").iterdir())


def test_the_compilers_first_error_is_told(tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'Foo.scala:3: error: not found: value bar'\nexit 1\n")
    java.chmod(0o755)
    with pytest.raises(SandboxInstallError, match=r"could not be compiled: Foo\.scala:3: error"):
        build.compile_agent(java, fake_spark(tmp_path), tmp_path / "agent.jar")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SandboxInstallError, match="could not be built"):
        build.compile_agent(Path(sys.executable), fake_spark(tmp_path), tmp_path / "file" / "agent.jar")
