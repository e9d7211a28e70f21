"""What a start is made of: the compute asked and found, the wishes of our kernelspec, and the ledger's row for it."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..config import EMRConnect
from ..errors import ConfigurationError
from ..gateway.target import GatewayTarget
from ..models import Attachment, KernelRecord
from .launching import gateway_env, launch_timeout
from .observing import Observe

if TYPE_CHECKING:
    from ..services.connect import Connection


@dataclass(frozen=True)
class Order:
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
class Wishes:
    """What a kernelspec of ours asks for, and the local kernel it is for; made by the provisioner.

    ``root`` is the folder of the Jupyter server whose kernel it is, ``kept`` whether there is one, ``observe`` what
    makes that server's observer of the bridge.
    """

    kernelspec: str
    candidates: tuple[str, ...]
    language: str
    spark: bool
    offer_v1: bool
    env: Mapping[str, str] = field(repr=False)
    local_id: str | None = None
    root: str | None = None
    kept: bool = False
    observe: Observe | None = None

    @property
    def path(self) -> str | None:
        """The notebook, absolute with symbolic links followed; None for a kernel without one."""
        name = self.env.get("JPY_SESSION_NAME")
        return os.path.realpath(name) if name else None


async def attachment_of(config: EMRConnect, env: Mapping[str, str]) -> Attachment:
    """Return the attachment for a kernel that starts now; raises ``NotAttached``, ``ConfigurationError``."""
    # Imported here: it brings boto3, and listing kernelspecs must not.
    from ..services import attachments

    found = await asyncio.to_thread(attachments.resolve, config, env, env.get("JPY_SESSION_NAME") or None)
    if found.transport not in ("auto", "gateway"):
        message = f"This kernel cannot use the transport {found.transport!r}."
        raise ConfigurationError(message, fix="Attach with the transport 'gateway' or 'auto'.")
    return found


async def reach(config: EMRConnect, request: Attachment, stage: Callable[[str], None]) -> Connection:
    """Find the compute and its gateway, see ``services.connect``; imported here since it brings boto3."""
    from ..services.connect import connect

    return await connect(config, request, stage=stage)


def order_of(config: EMRConnect, connection: Connection, wishes: Wishes) -> Order:
    """Return the order for a compute that answered."""
    return Order(
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


def new_record(connection: Connection, wishes: Wishes) -> KernelRecord:
    """Return what the ledger shall know of a new kernel, under ids of our choice."""
    return KernelRecord(
        kernel_id=str(uuid.uuid4()),
        compute=connection.compute.id,
        kernelspec=wishes.kernelspec,
        gateway_url=connection.target.url,
        runtime_role=connection.role,
        path=wishes.path,
        profile=connection.compute.profile,
        region=connection.compute.region,
        access_role=connection.compute.access_role,
        local_id=wishes.local_id,
        session_id=uuid.uuid4().hex,
        root=wishes.root,
        kept=wishes.kept,
    )
