"""What is to be started: what our kernelspec asks for, the compute to start it on, and the new row in the ledger."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..config import EMRConnect
from ..executors import import_in_thread
from ..gateway.channels.bridge import Observer
from ..gateway.target import GatewayTarget
from ..models import Attachment, KernelRecord, Kind
from ..services.attachments.location import KernelLocation

if TYPE_CHECKING:
    from ..services.attachments.connect import Connection, GatewayConnection

# Makes a bridge's observer from the kernel's id on its gateway and the bridge's ``publish``.
Observe = Callable[[str, Any], Observer | None]


@dataclass(frozen=True)
class KernelRequest:
    """What a kernelspec of ours asks for, and the local kernel it is for; made by the provisioner.

    ``location`` is where the kernel belongs, ``path`` the key of its notebook, None where that is not known. ``root``
    is the folder of the Jupyter server whose kernel it is, ``persistent`` whether there is one, ``observe`` what makes
    that server's observer of the bridge. ``cwd`` is the folder that a local process starts in. ``widgets`` says whether
    the front end may show widgets.
    """

    kernelspec: str
    candidates: tuple[str, ...]
    language: str
    spark: bool
    offer_v1: bool
    env: Mapping[str, str] = field(repr=False)
    local_id: str | None = None
    location: KernelLocation = field(default_factory=KernelLocation)
    path: str | None = None
    root: str | None = None
    persistent: bool = False
    observe: Observe | None = None
    cwd: str | None = None
    widgets: bool = True


@dataclass(frozen=True)
class StartSpec:
    """What to start on which gateway; ``candidates`` are kernelspecs of the gateway, timeouts are in seconds."""

    target: GatewayTarget
    candidates: tuple[str, ...]
    language: str
    spark: bool
    offer_v1: bool = True
    env: dict[str, str] = field(default_factory=dict, repr=False)
    connect_timeout: float = 10.0
    launch_timeout: float = 120.0
    ready_timeout: float = 60.0


def start_spec(config: EMRConnect, connection: GatewayConnection, request: KernelRequest) -> StartSpec:
    """Return what to start on a gateway that answered."""
    return StartSpec(
        target=connection.target,
        candidates=request.candidates,
        language=request.language,
        spark=request.spark,
        offer_v1=request.offer_v1,
        env=gateway_env(request.env),
        connect_timeout=config.connect_timeout,
        launch_timeout=launch_timeout(request.env, config, connection.compute.kind),
        ready_timeout=config.ready_timeout,
    )


def new_record(connection: Connection, request: KernelRequest, *, persistent: bool) -> KernelRecord:
    """Return the ledger's row of a new kernel, under ids of our choice; a gateway takes the one that is asked for.

    ``persistent`` says whether the kernel is to outlive its process.
    """
    kernel_id = str(uuid.uuid4())
    return KernelRecord(
        kernel_id=kernel_id,
        compute=connection.compute.id,
        compute_name=connection.compute.name,
        kernelspec=request.kernelspec,
        url=connection.url,
        transport=connection.transport,
        remote_id=kernel_id if connection.transport == "gateway" else None,
        remote_kind="kernel" if connection.transport == "gateway" else "session",
        runtime_role=connection.role,
        path=request.path,
        profile=connection.compute.profile,
        region=connection.compute.region,
        access_role=connection.compute.access_role,
        local_id=request.local_id,
        session_id=uuid.uuid4().hex,
        root=request.root,
        persistent=persistent,
    )


def is_alike(attachment: Attachment, other: Attachment | None) -> bool:
    """Say whether two attachments name the same compute, role and transport, to the same caller."""
    names = ("compute", "runtime_role", "transport", "profile", "region", "access_role")
    return other is not None and all(getattr(attachment, name) == getattr(other, name) for name in names)


def runs_on(record: KernelRecord, compute: str, role: str | None, transport: str) -> bool:
    """Say whether a kernel runs on the compute with this id, under the role and by the transport (``auto``: any)."""
    return (record.compute, record.runtime_role) == (compute, role) and transport in ("auto", record.transport)


async def import_services() -> None:
    """Import what a start takes, in a thread: it brings boto3, which listing kernelspecs must not. On Jupyter's loop.

    The functions that import it again find it at once, on whichever loop they run.
    """
    await import_in_thread(
        "services.attachments.connect",
        "services.attachments.handover",
        "services.attachments.resolution",
        "services.kernels.claims",
        "services.kernels.starts",
    )


async def connect_to(config: EMRConnect, attachment: Attachment, stage: Callable[[str], None]) -> Connection:
    """Reach an attachment's compute, see ``services.attachments.connect``; imported here since that brings boto3."""
    from ..services.attachments.connect import connect

    return await connect(config, attachment, stage=stage)


# A Spark kernel by its name: `pyspark_kubernetes`, `spark_scala_kubernetes`, `my-spark-py`; Toree is Spark's Scala.
SPARK = re.compile(r"spark|toree", re.IGNORECASE)
# The plain one of a language, where there are several: `python_kubernetes` rather than `python_tf_kubernetes`.
PLAIN = re.compile(
    r"(py)?[-_]?(spark)?[-_]?(python|py|scala|r)?[-_]?[\d.]*[-_]?(kubernetes|k8s|kernel)?", re.IGNORECASE
)


def choose(offered: Mapping[str, str], candidates: Sequence[str], language: str, *, spark: bool) -> str | None:
    """Return the gateway's kernelspec for ours, or None when it has none.

    ``offered`` is name to language. The first candidate that is offered wins. Else, for gateways that name theirs in
    their own way (those of EMR on EKS are not documented, reference 2.2), the only one of this language that is (or is
    not) a Spark kernel by its name; of several the only one whose name says nothing beyond that. Two are no answer.
    """
    for name in candidates:
        if name in offered:
            return name
    alike = [
        name
        for name, its_language in offered.items()
        if its_language.lower() == language.lower() and bool(SPARK.search(name)) is spark
    ]
    for some in (alike, [name for name in alike if PLAIN.fullmatch(name)]):
        if len(some) == 1:
            return some[0]
    return None


ENDPOINT_LAUNCH_TIMEOUT_S = 400.0
# What is never taken from the user's environment; KERNEL_USERNAME comes from the runtime role (reference 1.9).
RESERVED_NAMES = frozenset({"KERNEL_ID", "KERNEL_LAUNCH_TIMEOUT", "KERNEL_USERNAME"})


def gateway_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return what of the environment goes to the gateway: ``KERNEL_*``, all that it keeps (reference 5.4)."""
    return {name: value for name, value in env.items() if name.startswith("KERNEL_") and name not in RESERVED_NAMES}


def launch_timeout(env: Mapping[str, str], config: EMRConnect, kind: Kind) -> float:
    """Return how long the gateway may take to start the kernel, in seconds.

    On EKS the kernel is a pod for which a node may first have to come up: AWS says 400 s there (reference 2.4).
    """
    seconds = env.get("KERNEL_LAUNCH_TIMEOUT", "")
    if seconds.isdigit():
        return float(seconds)
    return max(config.launch_timeout, ENDPOINT_LAUNCH_TIMEOUT_S) if kind == "eks" else config.launch_timeout


# The attribute of a server's kernel manager that holds its recorder (server.recording), not to be imported here.
RECORDER_ATTRIBUTE = "emr_connect_recorder"


def recorder_of(kernel_manager: Any, kernel_id: str) -> Observe | None:
    """Return what makes a bridge's observer from the kernel's id on its gateway and the bridge's ``publish``.

    None where no server with our extension runs the kernel: nbclient, a console. Called on the server's loop.
    """
    recorder = getattr(getattr(kernel_manager, "parent", None), RECORDER_ATTRIBUTE, None)
    observe: Observe | None = recorder.attach(kernel_id) if recorder is not None else None
    return observe
