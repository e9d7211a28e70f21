"""Which compute a notebook's kernel runs on: the attachment found, checked against the compute, and cleared away."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from ...aws.session import SessionKey
from ...config import EMRConnect
from ...errors import ConfigurationError, NotAttachable, NotAttached, RoleRequired, RoleUnsupported
from ...models import Attachment, Compute, Transport, check_role
from ...store.attachments import AttachmentStore
from ...store.database import Database
from ..compute.sources import access_role
from ..credentials.secret_slots import cached_expiry

KIND_NAMES = {"ec2": "Cluster", "eks": "Endpoint", "serverless": "Application"}
TransportChoice = Transport | Literal["auto"]
TRANSPORTS: tuple[TransportChoice, ...] = ("auto", "gateway", "livy", "spark-connect")


def open_attachments(config: EMRConnect) -> AttachmentStore:
    """Return the store of attachments in ``config.state_file``."""
    return AttachmentStore(Database(config.state_file))


def resolve(config: EMRConnect, env: Mapping[str, str], path: str | None) -> Attachment:
    """Return the attachment for a kernel that starts now; raises ``NotAttached`` when nothing names a compute.

    Order: ``EMR_CONNECT_COMPUTE`` with ``EMR_CONNECT_RUNTIME_ROLE`` and ``EMR_CONNECT_TRANSPORT`` in the
    kernel's environment ``env`` (the role may be a name there); the notebook's own attachment; the nearest folder's.
    ``path`` is the notebook's (``JPY_SESSION_NAME``); it may be empty. Blocks on the state file only. Raises
    ``MalformedRole`` and ``ConfigurationError`` for what the environment names, a role without a compute included.
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
    key = absolute(path) if path else ""
    attachment = open_attachments(config).nearest(key) if key else None
    if attachment:
        return attachment
    what = f"{key} is not attached to a compute" if key else "No compute is named for this kernel"
    message = f"{what}, nor is a folder above it." if key else f"{what}."
    fix = "Run `jupyter emr attach COMPUTE NOTEBOOK`, or set EMR_CONNECT_COMPUTE (`jupyter emr list` shows them)."
    raise NotAttached(message, fix=fix)


def _overridden(env: Mapping[str, str], name: str) -> str | None:
    """Return what the kernel's environment sets otherwise than this process's, which the AWS chain reads by itself."""
    value = env.get(name)
    return value if value != os.environ.get(name) else None


def absolute(path: str) -> str:
    """Return the absolute form of a path, under which attachments are stored; symbolic links are followed."""
    return os.path.realpath(Path(path).expanduser())


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


def tidy(config: EMRConnect) -> list[Attachment]:
    """Return all attachments but those whose file is gone, which are dropped; blocks on the disk."""
    store = open_attachments(config)
    attachments = store.all()
    gone = {attachment.path for attachment in attachments if is_gone(attachment.path)}
    for path in gone:
        store.remove(path)
    return [attachment for attachment in attachments if attachment.path not in gone]


def is_gone(path: str) -> bool:
    """Say whether a file was removed; a folder that cannot be read, or an unmounted one (empty), proves nothing."""
    if not path.startswith("/"):
        return False
    try:
        os.lstat(path)
    except FileNotFoundError:
        with suppress(OSError), os.scandir(Path(path).parent) as entries:
            return any(True for _ in entries)
    except OSError:
        pass
    return False
