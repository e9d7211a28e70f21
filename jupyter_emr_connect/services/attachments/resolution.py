"""Which compute a notebook's kernel runs on: the attachment found, and checked against the compute."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

from ...aws.session import SessionKey
from ...config import EMRConnect
from ...errors import ConfigurationError, NotAttachable, NotAttached, RoleRequired, RoleUnsupported
from ...models import Attachment, Compute, Transport, check_role
from ...store.attachments import AttachmentStore
from ...store.database import Database
from ..compute.sources import access_role
from ..credentials.secret_slots import cached_expiry
from .location import KernelLocation, is_made_up, key_of, keys_above

KIND_NAMES = {"ec2": "Cluster", "eks": "Endpoint", "serverless": "Application"}
TransportChoice = Transport | Literal["auto"]
TRANSPORTS: tuple[TransportChoice, ...] = ("auto", "gateway", "livy", "spark-connect")


def open_attachments(config: EMRConnect) -> AttachmentStore:
    """Return the store of attachments in ``config.state_file``."""
    return AttachmentStore(Database(config.state_file))


def resolve(config: EMRConnect, env: Mapping[str, str], location: KernelLocation) -> Attachment:
    """Return the attachment for a kernel that starts now; raises ``NotAttached`` when nothing names a compute.

    Order: ``EMR_CONNECT_COMPUTE`` with ``EMR_CONNECT_RUNTIME_ROLE`` and ``EMR_CONNECT_TRANSPORT`` in the
    kernel's environment ``env`` (the role may be a name there); the notebook's own attachment; the nearest folder's,
    of the notebook or, where no path is known, of the folder in which the kernel is launched. Blocks on the state file
    and the disk. Raises ``MalformedRole`` and ``ConfigurationError`` for what the environment names, a role without a
    compute included.
    """
    if compute := env.get("EMR_CONNECT_COMPUTE", "").strip():
        role = env.get("EMR_CONNECT_RUNTIME_ROLE", "").strip() or None
        if role:
            check_role(role)
        transport = check_transport(env.get("EMR_CONNECT_TRANSPORT", "").strip() or "auto")
        profile, region = _overridden(env, "AWS_PROFILE"), _overridden(env, "AWS_DEFAULT_REGION")
        return Attachment(compute, role, transport, profile=profile, region=region)
    if env.get("EMR_CONNECT_RUNTIME_ROLE", "").strip():
        message = "EMR_CONNECT_RUNTIME_ROLE is set, but EMR_CONNECT_COMPUTE is not, so the role would be ignored."
        raise ConfigurationError(message, fix="Set both, or neither to use the notebook's attachment.")
    path = location.path or location.folder
    if path and (attachment := next(iter(attachments_above(config, path)), None)):
        return attachment
    raise _not_attached(location)


def attachments_above(config: EMRConnect, path: str) -> list[Attachment]:
    """Return the attachments that hold for a path, the nearest first; blocks on the state file and the disk."""
    return open_attachments(config).at_any(keys_above(path))


def notebooks_apart(config: EMRConnect, folder: str) -> list[str]:
    """Return the notebooks directly in a folder that have attachments of their own; blocks on the state file.

    Where nobody says which notebook a kernel is for, theirs do not count.
    """
    paths, key = [PurePath(attachment.path) for attachment in open_attachments(config).all()], key_of(folder)
    return [str(path) for path in paths if str(path.parent) == key and path.suffix]


def _not_attached(location: KernelLocation) -> NotAttached:
    """Return the error that says which notebook or folder is to be attached; blocks on the disk."""
    fix = "Run `jupyter emr attach COMPUTE {}`, or set EMR_CONNECT_COMPUTE (`jupyter emr list` shows them)."
    if location.path and is_made_up(location.path):
        folder, name = os.path.split(key_of(location.path))
        message = (
            f"This front end hides the notebook's path (it says {name!r}), and the folder {folder} is not attached."
        )
        return NotAttached(message, fix=fix.format(f"'{folder}'"))
    if location.path:
        message = f"{key_of(location.path)} is not attached to a compute, nor is a folder above it."
        copies = "A copy, as schedulers make them, has no attachment of its own: use the variable there."
        return NotAttached(message, fix=f"{fix.format('NOTEBOOK')} {copies}")
    if location.folder:
        message = (
            "Nobody says which notebook this kernel is for, and the folder in which it is launched, "
            f"{key_of(location.folder)}, is not attached to a compute, nor is one above it."
        )
        return NotAttached(message, fix=fix.format("FOLDER"))
    return NotAttached("No compute is named for this kernel.", fix=fix.format("NOTEBOOK"))


def _overridden(env: Mapping[str, str], name: str) -> str | None:
    """Return what the kernel's environment sets otherwise than this process's, which the AWS chain reads by itself."""
    value = env.get(name)
    return value if value != os.environ.get(name) else None


def check_transport(text: str) -> TransportChoice:
    """Return the transport when it is one, else raise ``ConfigurationError``."""
    for transport in TRANSPORTS:
        if text == transport:
            return transport
    message = f"{text!r} is not a transport."
    raise ConfigurationError(message, fix=f"Use one of {', '.join(TRANSPORTS)}.")


def admit(compute: Compute, attachment: Attachment) -> Transport:
    """Refuse what is known to be impossible, before anything starts; return the transport to use.

    Raises ``NotAttachable``, ``MalformedRole``, ``RoleUnsupported``, ``RoleRequired``.
    """
    label = f"{KIND_NAMES[compute.kind]} {compute.name!r} ({compute.id})"
    if attachment.runtime_role:
        check_role(attachment.runtime_role)
    if not compute.attachable:
        message = f"{label} cannot be attached to. {compute.reason}"
        raise NotAttachable(message, fix="`jupyter emr list` shows which computes can.")
    wanted = compute.transports[0] if attachment.transport == "auto" else attachment.transport
    if wanted not in compute.transports:
        message = f"{label} cannot be reached by the transport {wanted!r}."
        raise NotAttachable(message, fix=f"Use {' or '.join(compute.transports)}, or leave the transport out.")
    if attachment.runtime_role and compute.runtime_role == "unsupported":
        reason = compute.details.get("runtime_role_reason") or "it does not support them"
        message = f"{label} cannot honour a runtime role: {reason}."
        raise RoleUnsupported(message, fix="Choose another compute, or attach without a runtime role.")
    if not attachment.runtime_role and compute.runtime_role == "required":
        message = f"{label} takes a runtime role with every session, and none was given."
        fix = f"Name one with --runtime-role or EMR_CONNECT_RUNTIME_ROLE (`jupyter emr roles {compute.name}`)."
        raise RoleRequired(message, fix=fix)
    return wanted


def expiry(config: EMRConnect, attachment: Attachment) -> str | None:
    """Return when the credentials held in memory for an attachment expire (ISO 8601); None where there are none."""
    role = access_role(config, attachment.access_role)
    key = SessionKey(attachment.profile or config.profile or None, attachment.region, role)
    moment = cached_expiry(key, attachment.compute, attachment.runtime_role)
    return moment.isoformat(timespec="seconds") if moment else None
