"""What the engines are made of, and whether each piece is already in place.

A piece lies in ``<root>/<name>-<digest>``, the digest being that of its recipe (lock file, Python, driver sources). So
a changed recipe makes a new folder, and sandboxes that run from the old one are not disturbed. A folder appears by one
rename of a finished piece; its stamp file says so.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LOCKS = Path(__file__).with_name("locks")
JARS_LIST = LOCKS / "livy-jars.json"
S3_JARS_LIST = LOCKS / "s3-jars.json"
AGENT_JAR = "loopback-agent.jar"
STAMP = ".emr-connect"
ARCHIVE = ("class_archive", "class_archive_job", "spark")
LIVY_START = ("livy", "livy_start")


@dataclass(frozen=True)
class Piece:
    """One folder of the installation.

    ``name`` tells pieces apart whose recipes may change; ``megabytes`` is what it takes on the disk while it is made,
    downloads included; ``probe`` is a file that shows it is usable (a link to a Python or Java that may have gone).
    """

    root: Path
    name: str
    title: str
    digest: str
    megabytes: int
    probe: str
    lock: Path | None = None

    @property
    def path(self) -> Path:
        """Where the finished piece lies."""
        return self.root / f"{self.name}-{self.digest}"

    def present(self) -> bool:
        """Whether the piece is complete and usable."""
        return (self.path / STAMP).exists() and (self.path / self.probe).exists()


def environment(root: Path, name: str, title: str, megabytes: int, probe: str = "bin/python") -> Piece:
    """Return the recipe of a virtual environment from ``locks/<name>.txt`` for the Python that runs us."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    lock = LOCKS / f"{name}.txt"
    digest = _digest([version, platform.machine(), lock.read_text("utf-8")])
    return Piece(root, f"{name}-py{version}", title, digest, megabytes, probe, lock)


def livy_jars(root: Path) -> Piece:
    """Return the recipe of Livy's jars."""
    return Piece(root, "livy-jars", "Livy", _digest([JARS_LIST.read_text("utf-8")]), 80, "rsc-jars")


def s3_jars(root: Path) -> Piece:
    """Return the recipe of the jars by which Spark reads and writes S3."""
    return Piece(root, "s3", "S3 for Spark", _digest([S3_JARS_LIST.read_text("utf-8")]), 15, "jars")


def livy_home(root: Path) -> Piece:
    """Return the recipe of the folder Livy runs from: its jars and our interpreter driver, by its sources."""
    digest = _digest([JARS_LIST.read_text("utf-8"), *_sources("driver/*.scala", "child/*.py", "compile.py")])
    return Piece(root, "livy", "Livy's interpreter driver", digest, 10, "repl_2.12-jars")


def agent(root: Path) -> Piece:
    """Return the recipe of the agent that keeps Livy's RPC ports on loopback."""
    return Piece(
        root, "agent", "Livy's loopback agent", _digest(list(_sources("agent/*", "compile.py"))), 10, AGENT_JAR
    )


def class_archive(root: Path) -> Piece:
    """Return the recipe of the archive of Spark's classes; it fits one Java and one Spark."""
    parts = [(LOCKS / f"{name}.txt").read_text("utf-8") for name in ("java", "spark")]
    parts += [Path(__file__).with_name(f"{name}.py").read_text("utf-8") for name in ARCHIVE]
    digest = _digest([platform.machine(), *parts])
    return Piece(root, "classes", "Spark's classes for a faster start", digest, 180, STAMP)


def livy_start(root: Path) -> Piece:
    """Return the recipe of what lets Livy's server start faster; it fits one Java, one Spark and one Livy."""
    parts = [(LOCKS / f"{name}.txt").read_text("utf-8") for name in ("java", "spark")]
    parts += [Path(__file__).with_name(f"{name}.py").read_text("utf-8") for name in LIVY_START]
    digest = _digest([platform.machine(), livy_home(root).digest, *parts])
    return Piece(root, "livy-start", "Livy's classes for a faster start", digest, 60, STAMP)


def _sources(*patterns: str) -> Iterator[str]:
    folder = Path(__file__).parent.parent / "livy"
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            yield f"{path.relative_to(folder)}\n{path.read_text('utf-8')}"


def _digest(parts: Sequence[str]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.encode())
        whole.update(b"\0")
    return whole.hexdigest()[:10]
