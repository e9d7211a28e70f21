"""Which notebooks and folders are attached, and who the caller is: what ``GET attachments`` and ``status`` show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...config import EMRConnect
from ...errors import EMRConnectError
from ...models import Attachment
from ..bodies import error_entry, list_body
from ..credentials.identity import Self, describe_self
from .location import KernelLocation
from .resolution import attachments_above, expiry, open_attachments, resolve


@dataclass(frozen=True)
class Status:
    """The attachments asked for, and the caller or why it is not known."""

    attachments: list[Attachment]
    caller: Self | None = None
    error: EMRConnectError | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the body of ``GET attachments`` (paths absolute), with that of ``GET identity`` as ``identity``."""
        errors = [error_entry(self.error)] if self.error else []
        body = list_body([attachment.to_json() for attachment in self.attachments], errors)
        return {**body, "identity": self.caller.to_json() if self.caller else None}


def read_status(
    config: EMRConnect, env: Mapping[str, str], path: str | None, *, profile: str | None, region: str | None
) -> Status:
    """Return the attachment that holds for ``path`` (all of them for None) and the caller; blocks on AWS.

    The use case behind ``jupyter emr status``. Raises as ``resolve`` does; that AWS does not know the caller stands in
    the answer.
    """
    attachments = [resolve(config, env, KernelLocation(path))] if path else open_attachments(config).all()
    try:
        return Status(attachments, describe_self(config, profile, region))
    except EMRConnectError as error:
        return Status(attachments, error=error)


def attachments_within(config: EMRConnect, is_inside: Callable[[str], bool]) -> list[Attachment]:
    """Return the attachments whose key is inside, by path; blocks on the state file and the disk.

    One whose file is not there is among them: the file may be on another branch, or on a disk that is not mounted.
    """
    attachments = open_attachments(config).all()
    return [_with_expiry(config, attachment) for attachment in attachments if is_inside(attachment.path)]


def attachments_holding(config: EMRConnect, path: str) -> list[Attachment]:
    """Return the attachments that hold for a path, its own first, then those of the folders above; blocks."""
    return [_with_expiry(config, attachment) for attachment in attachments_above(config, path)]


def find_attachment(config: EMRConnect, attachment_id: str) -> Attachment | None:
    """Return an attachment by its id, None when there is none; blocks."""
    found = open_attachments(config).get(attachment_id)
    return _with_expiry(config, found) if found else None


def _with_expiry(config: EMRConnect, attachment: Attachment) -> Attachment:
    return replace(attachment, credentials_expire_at=expiry(config, attachment))
