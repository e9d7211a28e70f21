"""What a start is made of: the compute asked and found, the wishes of our kernelspec, and the ledger's row for it."""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..config import EMRConnect
from ..errors import ConfigurationError
from ..gateway.channels.bridge import Observer
from ..gateway.target import GatewayTarget
from ..models import Attachment, KernelRecord, Kind

if TYPE_CHECKING:
    from ..services.attachments.connect import Connection


@dataclass(frozen=True)
class StartSpec:
    """What to start, where: the target, and our kernelspec's wishes."""

    target: GatewayTarget
    candidates: tuple[str, ...]
    language: str
    spark: bool
    offer_v1: bool = True
    env: dict[str, str] = field(default_factory=dict, repr=False)
    connect_timeout: float = 10.0
    launch_timeout: float = 120.0
    ready_timeout: float = 60.0


@dataclass(frozen=True)
class KernelRequest:
    """What a kernelspec of ours asks for, and the local kernel it is for; made by the provisioner.

    ``root`` is the folder of the Jupyter server whose kernel it is, ``persistent`` whether there is one, ``observe``
    what makes that server's observer of the bridge.
    """

    kernelspec: str
    candidates: tuple[str, ...]
    language: str
    spark: bool
    offer_v1: bool
    env: Mapping[str, str] = field(repr=False)
    local_id: str | None = None
    root: str | None = None
    persistent: bool = False
    observe: Observe | None = None

    @property
    def path(self) -> str | None:
        """The notebook, absolute with symbolic links followed; None for a kernel without one."""
        name = self.env.get("JPY_SESSION_NAME")
        return os.path.realpath(name) if name else None


async def attachment_of(config: EMRConnect, env: Mapping[str, str]) -> Attachment:
    """Return the attachment for a kernel that starts now; raises ``NotAttached``, ``ConfigurationError``."""
    # Imported here: it brings boto3, and listing kernelspecs must not.
    from ..services.attachments import resolution as attachments

    found = await asyncio.to_thread(attachments.resolve, config, env, env.get("JPY_SESSION_NAME") or None)
    if found.transport not in ("auto", "gateway"):
        message = f"This kernel cannot use the transport {found.transport!r}."
        raise ConfigurationError(message, fix="Attach with the transport 'gateway' or 'auto'.")
    return found


async def reach(config: EMRConnect, request: Attachment, stage: Callable[[str], None]) -> Connection:
    """Find the compute and its gateway, see ``services.attachments.connect``; imported here since it brings boto3."""
    from ..services.attachments.connect import connect

    return await connect(config, request, stage=stage)


def start_spec(config: EMRConnect, connection: Connection, wishes: KernelRequest) -> StartSpec:
    """Return the order for a compute that answered."""
    return StartSpec(
        target=connection.target,
        candidates=wishes.candidates,
        language=wishes.language,
        spark=wishes.spark,
        offer_v1=wishes.offer_v1,
        env=gateway_env(wishes.env),
        connect_timeout=config.connect_timeout,
        launch_timeout=launch_timeout(wishes.env, config, connection.compute.kind),
        ready_timeout=config.ready_timeout,
    )


def new_record(connection: Connection, wishes: KernelRequest) -> KernelRecord:
    """Return what the ledger shall know of a new kernel, under ids of our choice."""
    kernel_id = str(uuid.uuid4())
    return KernelRecord(
        kernel_id=kernel_id,
        compute=connection.compute.id,
        kernelspec=wishes.kernelspec,
        url=connection.target.url,
        remote_id=kernel_id,
        runtime_role=connection.role,
        path=wishes.path,
        profile=connection.compute.profile,
        region=connection.compute.region,
        access_role=connection.compute.access_role,
        local_id=wishes.local_id,
        session_id=uuid.uuid4().hex,
        root=wishes.root,
        persistent=wishes.persistent,
    )


# -- Which of a gateway's kernelspecs stands behind one of ours.


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


# -- What a gateway is asked for with a kernel: its environment, and how long its start may take.


ENDPOINT_LAUNCH_SECONDS = 400.0
# What the gateway's kernel may be told from our side; KERNEL_USERNAME comes from the runtime role (reference 1.9).
OURS = frozenset({"KERNEL_ID", "KERNEL_LAUNCH_TIMEOUT", "KERNEL_USERNAME"})


def gateway_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return what of the environment goes to the gateway: ``KERNEL_*``, all that it keeps (reference 5.4)."""
    return {name: value for name, value in env.items() if name.startswith("KERNEL_") and name not in OURS}


def launch_timeout(env: Mapping[str, str], config: EMRConnect, kind: Kind) -> float:
    """Return how long the gateway may take to start the kernel, in seconds.

    On EKS the kernel is a pod for which a node may first have to come up: AWS says 400 s there (reference 2.4).
    """
    asked = env.get("KERNEL_LAUNCH_TIMEOUT", "")
    if asked.isdigit():
        return float(asked)
    return max(config.launch_timeout, ENDPOINT_LAUNCH_SECONDS) if kind == "eks" else config.launch_timeout


# -- The way from a kernel to the recorder of the server that it runs in, which this layer may not import.


Observe = Callable[[str, Any], Observer | None]
ATTRIBUTE = "emr_connect_recorder"  # of the server's kernel manager (server.recorder)


def recorder_of(kernel_manager: Any, kernel_id: str) -> Observe | None:
    """Return what makes a bridge's observer from the kernel's id on its gateway and the bridge's ``publish``.

    None where no server with our extension runs the kernel: nbclient, a console. Called on the server's loop.
    """
    recorder = getattr(getattr(kernel_manager, "parent", None), ATTRIBUTE, None)
    observe: Observe | None = recorder.attach(kernel_id) if recorder is not None else None
    return observe
