"""Makes the missing pieces of the installation, in parallel, each in a temporary folder renamed when it is finished."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from jupyter_emr_connect.errors import SandboxInstallError
from jupyter_emr_connect.sandbox.engines.class_archive import make_archive
from jupyter_emr_connect.sandbox.engines.environments import make_environment, uv_binary
from jupyter_emr_connect.sandbox.engines.failures import disk_full
from jupyter_emr_connect.sandbox.engines.jars import S3_TITLE, fetch_jars, link_jars, livy_jars, s3_jars
from jupyter_emr_connect.sandbox.engines.java import system_java_home, wheel_java_home
from jupyter_emr_connect.sandbox.engines.layout import SCALA, Installation, venv_python
from jupyter_emr_connect.sandbox.engines.livy_start import make_livy_start
from jupyter_emr_connect.sandbox.engines.recipes import AGENT_JAR, STAMP, Piece
from jupyter_emr_connect.sandbox.engines.spark import DRIVER_FLAGS
from jupyter_emr_connect.sandbox.livy.compile import compile_agent, compile_driver

Progress = Callable[[str, int, int], None]
Maker = Callable[[Path], None]
# What must be there before a piece can be made.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "jars": ("java", "spark"),
    "s3": ("java", "spark"),
    "livy": ("java", "spark", "jars"),
    "agent": ("java", "spark"),
    "classes": ("java", "spark"),
    "livy-start": ("java", "spark", "livy"),
}
CACHE = ".cache"
WORK = ".work"


def build_missing(
    root: Path, pieces: Mapping[str, Piece], progress: Progress, installation: Callable[[], Installation]
) -> None:
    """Make every piece that is not present; another process that does the same is waited for.

    ``installation`` describes the whole; it is called when the pieces are there that another is made with. Called by
    ``install.ensure_installed``. Raises SandboxInstallError, and OSError where the file system fails.
    """
    root.mkdir(parents=True, exist_ok=True)
    with locked(root / ".lock", lambda: progress("another installation", 0, len(pieces))):
        shutil.rmtree(root / WORK, ignore_errors=True)
        missing = {name: piece for name, piece in pieces.items() if not piece.present()}
        if not missing:
            return
        _check_space(root, sum(piece.megabytes for piece in missing.values()))
        (root / WORK).mkdir()
        uv_binary()  # fails before anything is downloaded; its first call must not be in several threads
        try:
            _Build(root, pieces, missing, progress, installation).run()
        finally:
            shutil.rmtree(root / WORK, ignore_errors=True)
        shutil.rmtree(root / CACHE, ignore_errors=True)
        _prune(root, pieces)


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Let one installer at a time hold the lock on ``path``; call ``waiting`` once if another process has it.

    The kernel releases it when the process ends, however it ends (flock(2)).
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        waits = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waits:
                    waiting()
                waits = True
                time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)


class _Build:
    """One run of the builders; pieces wait for those they need."""

    def __init__(
        self,
        root: Path,
        pieces: Mapping[str, Piece],
        missing: Mapping[str, Piece],
        progress: Progress,
        installation: Callable[[], Installation],
    ) -> None:
        self.root = root
        self.pieces = pieces
        self.missing = missing
        self.progress = progress
        self.installation = installation
        self.done = len(pieces) - len(missing)
        self.lock = threading.Lock()
        self.futures: dict[str, Future[None]] = {}

    def run(self) -> None:
        """Make all; the first failure stops what has not begun and is raised once the rest has ended."""
        with ThreadPoolExecutor(max_workers=len(self.missing), thread_name_prefix="install") as pool:
            for name in self.missing:
                self.futures[name] = pool.submit(self._make, name)
        for future in self.futures.values():
            future.result()

    def _make(self, name: str) -> None:
        piece = self.missing[name]
        for need in NEEDS.get(name, ()):
            if need in self.futures:
                self.futures[need].result()
        self._tell(piece.title)
        target = Path(tempfile.mkdtemp(prefix=f"{piece.name}-", dir=self.root / WORK))
        self._maker(name, piece)(target)
        (target / STAMP).write_text(f"{piece.title}\n", encoding="utf-8")
        if piece.path.exists():
            # A broken one: its interpreter has gone.
            piece.path.rename(tempfile.mkdtemp(dir=self.root / WORK))
        target.rename(piece.path)
        self._tell(piece.title, finished=1)

    def _maker(self, name: str, piece: Piece) -> Maker:
        if name == "java":
            return partial(_make_java, piece, cache=self.root / CACHE)
        if name == "jars":
            return lambda target: fetch_jars(self._java(), self._spark_home(), livy_jars(), target)
        if name == "s3":
            return lambda target: fetch_jars(self._java(), self._spark_home(), s3_jars(), target, S3_TITLE)
        if name == "livy":
            return self._make_livy
        if name == "agent":
            return self._make_agent
        if name == "classes":
            return self._make_classes
        if name == "livy-start":
            return lambda target: make_livy_start(self.installation(), target)
        return lambda target: make_environment(piece, target, self.root / CACHE)

    def _make_livy(self, target: Path) -> None:
        link_jars(self.pieces["jars"].path, target)
        out = target / f"repl_{SCALA}-jars" / f"livy-repl_{SCALA}-emr-connect.jar"
        compile_driver(self._java(), self._spark_home(), sorted((target / "rsc-jars").glob("*.jar")), out)

    def _make_agent(self, target: Path) -> None:
        compile_agent(self._java(), self._spark_home(), target / AGENT_JAR)

    def _make_classes(self, target: Path) -> None:
        make_archive(self._java(), self._spark_home(), venv_python(self.pieces["spark"].path), DRIVER_FLAGS, target)

    def _java(self) -> Path:
        return Path(os.path.realpath(self.pieces["java"].path / "java-home")) / "bin" / "java"

    def _spark_home(self) -> Path:
        return next(self.pieces["spark"].path.glob("lib/python3*/site-packages/pyspark"))

    def _tell(self, stage: str, finished: int = 0) -> None:
        with self.lock:
            self.done += finished
            self.progress(stage, self.done, len(self.pieces))


def _make_java(piece: Piece, target: Path, cache: Path) -> None:
    """Put ``java-home`` into ``target``: a link to the wheel's runtime inside it, or to the system's Java."""
    try:
        make_environment(piece, target, cache)
        wheel = wheel_java_home(target)
    except SandboxInstallError as error:
        if "no build for this platform" not in error.message:
            raise
        wheel = None
    home = os.path.relpath(wheel, target) if wheel else str(system_java_home())
    (target / "java-home").symlink_to(home)


def _check_space(root: Path, needed: int) -> None:
    """Refuse at once what would fail after a long download; ``needed`` in MB."""
    free = shutil.disk_usage(root).free // 1_000_000
    if free < needed:
        raise disk_full(root, needed, free)


def _prune(root: Path, pieces: Mapping[str, Piece]) -> None:
    """Remove pieces of older recipes, unless a process still runs from them."""
    for piece in pieces.values():
        for old in root.glob(f"{piece.name}-{'?' * len(piece.digest)}"):
            if old != piece.path and not _in_use(old):
                shutil.rmtree(old, ignore_errors=True)


def _in_use(folder: Path) -> bool:
    marks = (f"{folder}/", f"{folder}:")
    for process in psutil.process_iter():
        try:
            if any(mark in argument for argument in process.cmdline() for mark in marks):
                return True
        except psutil.Error:
            continue
    return False
