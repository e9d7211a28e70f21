"""What the tests of the installation share."""

from __future__ import annotations

from pathlib import Path

from jupyter_emr_connect.errors import SandboxInstallError
from jupyter_emr_connect.sandbox.engines import recipes
from jupyter_emr_connect.sandbox.engines.build import build_missing
from jupyter_emr_connect.sandbox.engines.layout import Installation
from jupyter_emr_connect.sandbox.engines.recipes import Piece


def java_piece(root: Path) -> Piece:
    """The smallest piece of the real installation: 38 MB."""
    return recipes.environment(root, "java", "Java 17", 1, "java-home/bin/java")


def no_installation() -> Installation:
    """What ``build_missing`` asks for where a piece is made with others; Java is made of itself."""
    raise NotImplementedError


def install_java(root: Path, piece: Piece | None = None) -> None:
    build_missing(root, {"java": piece or java_piece(root)}, lambda *_: None, no_installation)


def assert_plain(error: SandboxInstallError) -> None:
    """A line with the cause, a line with the way out; no traceback, no flood."""
    assert error.fix
    assert "\n" not in str(error)
    assert "Traceback" not in str(error)
    assert len(str(error)) < 500
