"""The words of the product as frozen dataclasses; they know no AWS, no HTTP and no Jupyter."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from typing import Any, Literal, NamedTuple

from .errors import MalformedRole

Kind = Literal["ec2", "eks", "serverless"]
Transport = Literal["gateway", "livy", "spark-connect"]
RemoteKind = Literal["kernel", "session"]
RoleSupport = Literal["required", "optional", "unsupported", "unknown"]

ROLE_ARN = re.compile(r"arn:aws[a-zA-Z0-9-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)

ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


def check_role(text: str) -> str:
    """Return ``text`` when it may be the ARN or the name of an IAM role, else raise :class:`MalformedRole`."""
    if ROLE_ARN.fullmatch(text) or ROLE_NAME.fullmatch(text):
        return text
    message = f"{_shortened(text)!r} is neither the ARN nor the name of an IAM role."
    raise MalformedRole(message, fix="Write it as arn:aws:iam::123456789012:role/NAME, or as NAME.")


def check_role_arn(text: str) -> str:
    """Return ``text`` when it is an IAM role ARN, else raise :class:`MalformedRole` (pattern: botocore's models)."""
    if ROLE_ARN.fullmatch(text):
        return text
    message = f"{_shortened(text)!r} is not the ARN of an IAM role."
    raise MalformedRole(message, fix="Write it as arn:aws:iam::123456789012:role/NAME.")


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


@dataclass(frozen=True)
class AccessRole:
    """An IAM role assumed to call EMR's APIs, mostly in another account (reference 8.6).

    ``via`` is the role assumed before it (a chain); ``session_tags`` are (key, value) pairs. The external id is what
    the role's trust policy asks for; it is no secret, but is shown nowhere.
    """

    arn: str
    external_id: str | None = field(default=None, repr=False)
    session_name: str | None = None
    session_tags: tuple[tuple[str, str], ...] = ()
    via: AccessRole | None = None


class Maker(NamedTuple):
    """Who made a compute, as one of its tags says."""

    name: str
    tag: str


# EMR's API does not say who made a compute, but these tags do; people and tools write them in upper or lower case.
# `aws:createdBy` is set by AWS itself where cost allocation tags are on.
MAKER_TAGS = ("aws:createdBy", "CreatedBy", "created-by", "Creator", "Owner", "user")


@dataclass(frozen=True, slots=True)
class Compute:
    """Something a kernel can attach to, in the form of the public contract, plus what only the server needs.

    ``host`` is the address of the primary node (``MasterPublicDnsName``: the private name in a private subnet), or the
    URL of an endpoint's gateway, whose own CA is ``certificate`` (PEM). ``profile`` and ``access_role`` are those it
    was found with. ``created_at`` is ISO 8601. ``transports`` is ordered, best first. ``details`` holds what the detail
    view shows and never a secret.
    """

    id: str
    kind: Kind
    name: str
    arn: str
    region: str
    account: str
    state: str
    state_reason: str | None = None
    release: str | None = None
    applications: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    created_at: str | None = None
    attachable: bool = False
    reason: str | None = None
    transports: tuple[Transport, ...] = ()
    runtime_role: RoleSupport = "unknown"
    auth: str = "none"
    host: str | None = None
    certificate: str | None = field(default=None, repr=False)
    profile: str | None = None
    access_role: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self, *, details: bool = False) -> dict[str, Any]:
        """Return the contract's compute JSON; ``details`` only where one compute is asked for."""
        shown = {name: getattr(self, name) for name in CONTRACT}
        copied = {"applications": list(self.applications), "tags": dict(self.tags), "transports": list(self.transports)}
        body = {**shown, **copied}
        if details:
            made_by = {"made_by": self.made_by._asdict()} if self.made_by else {}
            body["details"] = {**deepcopy(self.details), **made_by}
        return body

    @property
    def made_by(self) -> Maker | None:
        """Who made it, by the first of :data:`MAKER_TAGS` that it has; None where no tag says so."""
        by_name = {name.lower(): Maker(value, name) for name, value in self.tags.items() if value}
        return next((by_name[name.lower()] for name in MAKER_TAGS if name.lower() in by_name), None)


INTERNAL = ("host", "certificate", "profile", "access_role", "details")
CONTRACT = tuple(one.name for one in fields(Compute) if one.name not in INTERNAL)


@dataclass(frozen=True)
class RuntimeRole:
    """A runtime role offered to the user; ``source`` says where it is known from.

    ``usable`` is None where nobody could say. For a role that is known to fail, ``missing`` names the requirement and
    ``statement`` is the JSON statement to add, ``where`` says to which policy.
    """

    arn: str
    source: str
    usable: bool | None = None
    missing: str | None = None
    statement: dict[str, Any] | None = None
    where: str | None = None

    @property
    def name(self) -> str:
        """The role's name without account and path."""
        return self.arn.rsplit("/", 1)[-1]

    def to_json(self) -> dict[str, Any]:
        """Return the contract's role JSON, and beside it what is known of its use."""
        fields = {name: value for name, value in asdict(self).items() if value is not None}
        return {"name": self.name, **fields}


@dataclass(frozen=True)
class Attachment:
    """Compute + runtime role + transport, bound to a notebook or a folder.

    ``path`` is absolute; empty for one that comes from the environment. ``compute_name`` is the name of the compute
    with the id ``compute``, None where that is not known. ``profile``, ``region`` and ``access_role`` (an
    ARN) are those it was made with, so that a kernel started later asks the same account.
    """

    compute: str
    runtime_role: str | None = None
    transport: Transport | Literal["auto"] = "auto"
    path: str = ""
    id: str = ""
    profile: str | None = None
    region: str | None = None
    access_role: str | None = None
    created_at: str | None = None
    credentials_expire_at: str | None = None
    compute_name: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the contract's attachment JSON (there is no secret in an attachment)."""
        return asdict(self)


@dataclass(frozen=True)
class Login:
    """A user's own name and password for a Livy server that has users of its own (LDAP), in memory only.

    Typed by the user or read from a secret. The password never shows in ``repr`` and has no JSON form.
    """

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class BasicPair:
    """A user name and password for one runtime role on one cluster, in memory only.

    From ``GetClusterSessionCredentials``. The password never shows in ``repr`` and has no JSON form.
    """

    username: str
    password: str = field(repr=False)
    expires_at: datetime

    def seconds_left(self, now: datetime | None = None) -> float:
        """Return how long the pair is good for, in seconds (negative when it has expired)."""
        return (self.expires_at - (now or datetime.now(timezone.utc))).total_seconds()


@dataclass(frozen=True)
class EndpointToken:
    """A token for one execution role on one managed endpoint, in memory only.

    From ``GetManagedEndpointSessionCredentials``. The token never shows in ``repr`` and has no JSON form.
    """

    id: str
    token: str = field(repr=False)
    expires_at: datetime

    def seconds_left(self, now: datetime | None = None) -> float:
        """Return how long the token is good for, in seconds (negative when it has expired)."""
        return (self.expires_at - (now or datetime.now(timezone.utc))).total_seconds()


@dataclass(frozen=True)
class Owner:
    """A process that has gateway kernels: ``host`` and ``machine`` say where its ``pid`` means something.

    ``machine`` is the boot and the namespace of process ids, ``process_started`` when the system says the process
    began, both as opaque text: a pid alone is given to another process one day. ``heartbeat_at`` is Unix time.
    """

    id: str
    host: str
    machine: str
    pid: int
    process_started: str
    heartbeat_at: float = 0.0


@dataclass(frozen=True)
class KernelRecord:
    """A kernel on a compute as the ledger knows it.

    ``kernel_id`` is the ledger's key, chosen here before the compute is asked. ``transport`` and ``url`` say how and
    where it was asked, ``remote_id`` is the id it has there (None until that is known) and ``remote_kind`` of what. A
    gateway takes the id that is asked for, so a gateway kernel has one id for both.

    ``state`` is ``starting``, ``connected``, ``reconnecting``, ``detached`` or ``gone``, ``since`` when it became so
    (ISO 8601), ``cause`` a word and ``reason`` a sentence on why. ``local_id`` is the kernel's id in Jupyter,
    ``session_id`` that of its WebSocket on the gateway. ``persistent``: a Jupyter server has it, so it outlives its
    process and may be taken over; ``root`` is that server's folder, ``jupyter_*`` its session there. ``owner_id`` is
    the process that has it now, None for none. ``wanted``: a user asked that ``path`` shall have it (``kernels
    adopt``).
    """

    kernel_id: str
    compute: str
    kernelspec: str
    url: str | None
    transport: Transport = "gateway"
    remote_id: str | None = None
    remote_kind: RemoteKind = "kernel"
    runtime_role: str | None = None
    path: str | None = None
    profile: str | None = None
    region: str | None = None
    access_role: str | None = None
    state: str = "starting"
    started_at: str | None = None
    local_id: str | None = None
    session_id: str | None = None
    root: str | None = None
    persistent: bool = False
    wanted: bool = False
    owner_id: str | None = None
    since: str | None = None
    cause: str | None = None
    reason: str | None = None
    jupyter_session: str | None = None
    jupyter_path: str | None = None
    jupyter_type: str | None = None
    compute_name: str | None = None

    @property
    def attachment(self) -> Attachment:
        """How the kernel's compute was attached to; without a path."""
        return Attachment(
            self.compute,
            self.runtime_role,
            self.transport,
            profile=self.profile,
            region=self.region,
            access_role=self.access_role,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the contract's kernel JSON, without what only the next process to have the kernel needs."""
        shown = {name: value for name, value in asdict(self).items() if name not in NOT_SHOWN}
        return {**shown, "gateway_url": self.url}


NOT_SHOWN = frozenset(
    {
        "url",
        "remote_id",
        "remote_kind",
        "session_id",
        "root",
        "persistent",
        "wanted",
        "owner_id",
        "jupyter_session",
        "jupyter_path",
        "jupyter_type",
    }
)
