"""Where backups go: ``s3://bucket/prefix`` of the settings, as whom it is written, and the keys of files there."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...aws.s3 import Encryption, S3Store
from ...aws.session import SessionKey
from ...aws.sts import arn_of
from ...config import EMRConnect
from ...errors import ConfigurationError, EMRConnectError
from ...store.backups import BackupStore
from ...store.filesystems import shared_type
from ..compute.sources import access_role
from ..credentials.aws_sessions import session_for

URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<prefix>.*))?", re.DOTALL)
USER = "{user}"
OWN_FOLDER = ".emr-connect"
"""The folder under the prefix that no file of a user's is kept in: trash, and history where S3 keeps no versions."""


@dataclass(frozen=True)
class BackupLocation:
    """A bucket and a prefix without slashes at its ends (``""`` is the whole bucket)."""

    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        """The location as ``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, path: str) -> str:
        """Return the key of a file's object; ``path`` is relative to the server's folder, as it is."""
        return f"{self.prefix}/{path}" if self.prefix else path


def parse_location(text: str, user: str = USER) -> BackupLocation:
    """Return the location that a setting means, with ``{user}`` filled in; raises ``ConfigurationError``."""
    match = URL.fullmatch(text.strip())
    if match is None:
        message = f"EMRConnect.backup_location is {text[:200]!r}, which is no place in S3."
        raise ConfigurationError(message, fix="Write it as s3://bucket/prefix.")
    return BackupLocation(match["bucket"], (match["prefix"] or "").strip("/").replace(USER, user))


def nearest_location(config: EMRConnect, path: str) -> str:
    """Return the setting that says where a file goes, ``""`` where it has no backup; ``path`` as in :meth:`key`."""
    folders = {folder.strip("/"): location for folder, location in config.backup_locations.items()}
    above = [path, *map(str, PurePosixPath(path).parents)]
    return next((folders[folder] for folder in above if folder in folders), config.backup_location)


def all_locations(config: EMRConnect) -> list[str]:
    """Return the settings of all places in S3 that are used, that of ``backup_location`` first."""
    return [text for text in dict.fromkeys([config.backup_location, *config.backup_locations.values()]) if text]


def usable_locations(config: EMRConnect) -> tuple[list[str], dict[str, EMRConnectError]]:
    """Return the settings of :func:`all_locations` that are places in S3, and what is wrong with each of the others."""
    usable, wrong = list[str](), dict[str, EMRConnectError]()
    for text in all_locations(config):
        try:
            parse_location(text)
        except ConfigurationError as error:
            wrong[text] = error
        else:
            usable.append(text)
    return usable, wrong


def open_location(config: EMRConnect, text: str) -> BackupLocation:
    """Return the location that a setting means; asks AWS once who the caller is where it names ``{user}``.

    Blocks; raises ``ConfigurationError`` and, with ``{user}``, what calls of STS raise. A new login is asked anew.
    """
    if USER not in text:
        return parse_location(text)
    arn = arn_of(session_for(config, config.backup_profile or None))
    return parse_location(text, arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1])


def open_bucket(config: EMRConnect, bucket: str) -> S3Store:
    """Return the bucket as the settings' profile, access role and encryption have it; asks nobody."""
    region = config.regions[0] if config.regions else None
    role = access_role(config, config.backup_access_role or None)
    key = SessionKey(config.backup_profile or config.profile or None, region, role)
    encryption = Encryption(
        config.backup_encryption or None, config.backup_kms_key or None, config.backup_bucket_key or None
    )
    return S3Store(bucket, key, encryption)


def open_queue(config: EMRConnect, root: str, location: str | None = None) -> BackupStore:
    """Return the queue of the files below ``root`` that go to one location; it is beside the state file.

    ``location`` is a setting, that of ``backup_location`` if left out. A folder on a disk of this machine has a queue
    of this machine's own where other machines may use the state file's folder (a home on NFS): they may have another
    folder by the same name.
    """
    state_file = Path(config.state_file).expanduser().absolute()
    machine = _machine(state_file.parent, root)
    file = state_file.with_name(f"backups-{machine}.sqlite" if machine else "backups.sqlite")
    place = config.backup_location if location is None else location
    return BackupStore(file, root, place, pause_s=config.backup_pause)


def _machine(state_folder: Path, root: str) -> str:
    """Return this machine's name where others share the state file's folder and not the server's folder, else empty."""
    return socket.gethostname() if shared_type(state_folder) and not shared_type(Path(root)) else ""


def working_copy(queue_file: Path, root: str) -> str:
    """Return an id of this working copy: of this queue's folder and this server folder, on any machine that has both.

    Blocks. It is written to each object. What an object has whose id is ours, nobody else has written since: a write
    whose answer was lost, or which a killed process made, is no conflict. It stays when the queue is made anew.
    """
    file = queue_file.with_name("backups.id")
    try:
        made = file.read_text(encoding="ascii")
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = file.with_name(f"backups.id.{uuid.uuid4().hex}")
        part.write_text(uuid.uuid4().hex, encoding="ascii")
        try:
            os.link(part, file)  # the first of several that begin at once
        except FileExistsError:
            pass
        finally:
            part.unlink()
        made = file.read_text(encoding="ascii")
    machine = _machine(queue_file.parent, root)
    return hashlib.sha256("\0".join((made, machine, root)).encode(errors="replace")).hexdigest()[:32]
