"""A folder with what a contents manager without files was given to save: its backups are made of that as of any files.

Such a manager keeps notebooks in memory, a database or a bucket. The folder lies beside the state file, for this
account alone, and has what was saved by this server as files of the same paths: a crash before they are in S3 loses
nothing of them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from ...config import EMRConnect
from ..attachments.location import NO_FILE
from .beside import drop_old_parts, part_of, write_new
from .cells import read_notebook

MIRRORS = "backups-contents"


class Mirror:
    """The files of one mirror; ``root`` is its folder, links followed. Every method blocks and raises ``OSError``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = os.path.realpath(folder)

    def file(self, path: str) -> Path | None:
        """Return where a path of the contents API is; None for a hidden one, and for what is no path."""
        parts = path.split("/")
        return None if any(not part or part.startswith(".") for part in parts) else Path(self.root, *parts)

    def write(self, path: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        if (file := self.file(path)) is None:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        part = part_of(file)
        try:
            drop_old_parts(file.parent)
            write_new(part, [content])
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it."""
        file = self.file(path)
        if file is None or not os.path.lexists(file):
            return
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink()

    def move(self, former_path: str, path: str) -> bool:
        """Give a file or folder another name; False where there is none, as of one that was never saved here."""
        former, file = self.file(former_path), self.file(path)
        if former is None or file is None or not os.path.lexists(former):
            return False
        self.delete(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        former.replace(file)
        return True


def mirror_folder(config: EMRConnect, manager: str) -> Path:
    """Return where the mirror of a contents manager is, by the name of its class and the backups' location."""
    name = hashlib.sha256(f"{manager}\0{config.backup_location}".encode(errors="replace")).hexdigest()[:16]
    return _mirrors(config) / name


def attachment_key(config: EMRConnect, root: str, path: str) -> str:
    """Return the key under which an attachment of a file of a server's folder, or of its mirror, is kept."""
    return f"{NO_FILE}/{path}" if is_mirror(config, root) else str(Path(root, path))


def is_mirror(config: EMRConnect, root: str) -> bool:
    """Say whether a folder is a mirror."""
    return Path(root).parent == Path(os.path.realpath(_mirrors(config)))


def content_of_model(model: dict[str, Any]) -> bytes | None:
    """Return the bytes of a file by its model of the contents API, a notebook's as Jupyter writes them.

    None for a folder, and for a model without content. Raises ``ValueError`` for content that is none.
    """
    content = model.get("content")
    if content is None or model.get("type") == "directory":
        return None
    if model.get("type") == "notebook":
        import nbformat

        text = str(nbformat.writes(nbformat.from_dict(content), version=nbformat.NO_CONVERT))
        return (text if text.endswith("\n") else f"{text}\n").encode("utf-8", "surrogatepass")
    if model.get("format") == "base64":
        return base64.b64decode(content)
    return str(content).encode("utf-8", "surrogatepass")


def model_of_content(path: str, content: bytes) -> dict[str, Any]:
    """Return the model by which a contents manager is given a file's bytes to save."""
    if path.endswith(".ipynb") and read_notebook(content) is not None:
        import nbformat

        notebook = nbformat.reads(content.decode("utf-8", "surrogatepass"), as_version=4)
        return {"type": "notebook", "format": "json", "content": notebook}
    try:
        return {"type": "file", "format": "text", "content": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"type": "file", "format": "base64", "content": base64.b64encode(content).decode("ascii")}


def _mirrors(config: EMRConnect) -> Path:
    return Path(config.state_file).expanduser().absolute().with_name(MIRRORS)
