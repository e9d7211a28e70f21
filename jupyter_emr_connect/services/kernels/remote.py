"""What a kernel's compute says of it, and its removal there: over a gateway, or as a Spark session over Livy."""

from __future__ import annotations

from typing import Protocol

from ...config import EMRConnect
from ...errors import EMRConnectError, KernelGone
from ...gateway.rest import GatewayClient
from ...livy.client import LivyClient, View
from ...livy.session import FINAL
from ...models import KernelRecord
from ..attachments.connect import LivyConnection, connect

GONE = "gone"
# Livy's words for the states of a session (reference 6.1), in those of Jupyter's kernels.
WORDS = {"not_started": "starting", "recovering": "starting", "running": "busy"}


class RemoteKernels(Protocol):
    """The kernels on one compute, as one role sees them; closed by whoever asked for it. Used on one loop."""

    async def word(self, record: KernelRecord) -> str:
        """Return what the compute says of a kernel: ``idle``, ``busy`` ...; ``gone``; ``unknown`` if it cannot say."""

    async def delete(self, record: KernelRecord) -> None:
        """Delete a kernel; one that is no more is no error."""

    async def close(self) -> None:
        """Close the connection."""


class GatewayKernels:
    """Kernels on a gateway."""

    def __init__(self, client: GatewayClient) -> None:
        self._client = client

    async def word(self, record: KernelRecord) -> str:
        """Return the gateway's state of a kernel."""
        try:
            return str((await self._client.kernel(record.kernel_id)).get("execution_state", "unknown"))
        except KernelGone:
            return GONE
        except EMRConnectError:
            return "unknown"

    async def delete(self, record: KernelRecord) -> None:
        """Delete a kernel on the gateway."""
        await self._client.delete(record.kernel_id)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class LivySessions:
    """Kernels whose cells run in Spark sessions on Livy; a session's name has its kernel's id."""

    def __init__(self, client: LivyClient) -> None:
        self._client = client

    async def word(self, record: KernelRecord) -> str:
        """Return the state of a kernel's session; ``idle`` where the kernel has started none yet."""
        try:
            views = await self._of(record)
        except EMRConnectError:
            return "unknown"
        states = [str(view.get("state")) for view in views]
        living = [state for state in states if state not in FINAL]
        if living:
            return WORDS.get(living[-1], living[-1])
        return GONE if record.remote_id else "idle"

    async def delete(self, record: KernelRecord) -> None:
        """Delete a kernel's sessions."""
        for view in await self._of(record):
            await self._client.delete(int(view["id"]))

    async def _of(self, record: KernelRecord) -> list[View]:
        name = f"emr-connect-{record.kernel_id}"
        return [view for view in await self._client.sessions() if str(view.get("name") or "").startswith(name)]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def remote_of(config: EMRConnect, record: KernelRecord) -> RemoteKernels:
    """Connect to the compute that a kernel is on, as it was attached to; raises what :func:`connect` raises."""
    connection = await connect(config, record.attachment)
    if isinstance(connection, LivyConnection):
        return LivySessions(LivyClient(connection.target, connect_timeout=config.connect_timeout))
    return GatewayKernels(GatewayClient(connection.target, connect_timeout=config.connect_timeout))
