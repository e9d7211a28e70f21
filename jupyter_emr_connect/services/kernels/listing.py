"""The kernels started from here: the ledger, held against this machine's processes, the gateways and Livy servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import groupby
from typing import Any

from ...config import EMRConnect
from ...errors import EMRConnectError, KernelGone, KernelInUse, KernelUnknown
from ...executors import LEDGER, run_in
from ...gateway.connection.status import NOT_THERE
from ...models import KernelRecord, Owner
from ...store.attachments import AttachmentStore
from ...store.database import Database
from ...store.ledger import Ledger
from ...store.writes import finish_write
from ..bodies import error_entry, list_body
from .claims import claim, settle
from .ownership import ownership
from .processes import lives, seems_alive
from .remote import RemoteKernels, remote_of
from .starts import RunningStart, running_starts

LINKED = ("starting", "connected", "reconnecting")
SHORTEST_PREFIX = 4  # characters of an id that may stand for it


@dataclass(frozen=True)
class ListedKernel:
    """A kernel of the ledger, its owner where it has one, and whether that process lives.

    ``word`` is what its gateway says of it: ``idle``, ``busy`` …, ``gone``, ``unknown`` where the gateway cannot be
    asked, None where it was not.
    """

    record: KernelRecord
    owner: Owner | None = None
    alive: bool = False
    word: str | None = None

    @property
    def link(self) -> str:
        """The state of its connection: what its owner wrote, but ``detached`` when that process is no more."""
        return "detached" if self.record.state in LINKED and not self.alive else self.record.state

    def to_json(self) -> dict[str, Any]:
        """Return its JSON in ``GET kernels`` and ``jupyter emr kernels --json``."""
        shown = self.record.to_json() | {"state": self.word or self.link, "link": self.link, "owner": None}
        if self.link != self.record.state:
            heard = self.owner.heartbeat_at if self.owner else None
            since = datetime.fromtimestamp(heard, timezone.utc).isoformat(timespec="seconds") if heard else None
            shown |= {"since": since, "cause": "process ended", "reason": "The process that had it has ended."}
        if self.owner:
            shown["owner"] = {"host": self.owner.host, "pid": self.owner.pid, "alive": self.alive}
        return shown


@dataclass(frozen=True)
class KernelList:
    """Kernels of the ledger, the latest first, and why gateways could not be asked (``errors`` of the body).

    ``starts`` are the starts that this process makes now; those of a server are in its own answers alone.
    ``attachments`` is another text once any attachment has changed: who follows the kernels hears of both.
    """

    items: list[ListedKernel]
    errors: list[dict[str, Any]] = field(default_factory=list)
    starts: list[RunningStart] = field(default_factory=running_starts)
    attachments: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the body of ``GET kernels`` and ``jupyter emr kernels --json``."""
        body = list_body([kernel.to_json() for kernel in self.items], self.errors)
        starts = [start.to_json() for start in self.starts]
        return body | {"starts": starts, "attachments_version": self.attachments}


async def list_kernels(config: EMRConnect, *, check: bool = True) -> KernelList:
    """Return all kernels of the ledger.

    With ``check`` the gateways are asked, all at once, one connection per (compute, role).
    """
    kernels, version = await run_in(LEDGER, _read_state, config)
    if not check:
        return KernelList(kernels, attachments=version)
    groups = [list(group) for _, group in groupby(sorted(kernels, key=_gateway_key), key=_gateway_key)]
    words: dict[str, str] = {}
    errors: list[dict[str, Any]] = []
    for states, error in await asyncio.gather(*(_ask(config, group) for group in groups)):
        words.update(states)
        errors += [error] if error else []
    asked = [replace(kernel, word=words[kernel.record.kernel_id]) for kernel in kernels]
    shown = await finish_write(lambda: [_mark_gone(config, kernel) for kernel in asked])
    return KernelList(shown, errors, attachments=version)


def _read_state(config: EMRConnect) -> tuple[list[ListedKernel], str]:
    return read_kernels(config), AttachmentStore(Database(config.state_file)).version()


def _mark_gone(config: EMRConnect, kernel: ListedKernel) -> ListedKernel:
    """Write that a kernel is gone which its gateway no longer has, unless a process has it or it may yet come up."""
    record = kernel.record
    if kernel.word != "gone" or kernel.alive or record.state in ("gone", "starting"):
        return kernel
    cause, reason = "culled", NOT_THERE
    Ledger(Database(config.state_file)).update(record.kernel_id, state="gone", cause=cause, reason=reason)
    return replace(kernel, record=replace(record, state="gone", cause=cause, reason=reason))


def find_kernel(config: EMRConnect, text: str) -> ListedKernel:
    """Return the kernel with this id on its gateway or in Jupyter, or whose id begins so; blocks on the state file.

    Raises ``KernelUnknown`` when there is none, or several.
    """
    kernels = read_kernels(config)
    for kernel in kernels:
        if text in (kernel.record.kernel_id, kernel.record.local_id):
            return kernel
    near = [
        kernel
        for kernel in kernels
        if kernel.record.kernel_id.startswith(text) or (kernel.record.local_id or "").startswith(text)
    ]
    if len(text) >= SHORTEST_PREFIX and len(near) == 1:
        return near[0]
    many = (
        "Several kernels have ids that begin" if len(near) > 1 else "There is no kernel in the ledger whose id begins"
    )
    message = f"{many} with {text[:80]!a}."
    raise KernelUnknown(message, fix="`jupyter emr kernels` lists those there are, with their ids.")


async def adopt(config: EMRConnect, text: str, *, path: str | None = None, force: bool = False) -> ListedKernel:
    """Mark a kernel as wanted by the notebook ``path`` (absolute), else by its own, whose next start goes on with it.

    Called by ``jupyter emr kernels adopt`` and POST ``kernels/{id}/adopt``; waits until it is known whether a process
    on another machine that has it lives. Raises ``KernelUnknown``; ``KernelInUse`` when a living process has it, unless
    by ``force``; ``KernelGone``.
    """
    record = (await run_in(LEDGER, find_kernel, config, text)).record
    if record.state == "gone":
        message = f"Kernel {record.kernel_id} is gone: {record.reason or record.cause or 'nobody knows why'}"
        raise KernelGone(message, fix="Start a new one.")
    if not (path or record.path):
        message = f"Kernel {record.kernel_id} belongs to no notebook."
        raise KernelUnknown(message, fix="Say which notebook shall have it (--path).")
    ledger = Ledger(Database(config.state_file))
    if not force:
        await settle(ledger, record.kernel_id)
    holder = await finish_write(ledger.offer, record.kernel_id, lives, path=path, force=force)
    if holder:
        raise _in_use(record, holder)
    return await run_in(LEDGER, find_kernel, config, record.kernel_id)


async def take_session(config: EMRConnect, text: str) -> KernelRecord:
    """Give this process a Spark session on Livy that no living process has, to go on with; called by ``%emr adopt``.

    Raises ``KernelUnknown``, ``KernelGone``, ``KernelInUse``.
    """
    record = (await run_in(LEDGER, find_kernel, config, text)).record
    if record.transport != "livy":
        message = f"Kernel {record.kernel_id} is one on a gateway, and no Spark session on Livy."
        fix = f"Let its notebook go on with it: `jupyter emr kernels adopt {record.kernel_id}`."
        raise KernelUnknown(message, fix=fix)
    if record.state == "gone" or record.remote_id is None:
        message = f"Kernel {record.kernel_id} has no Spark session any more."
        raise KernelGone(message, fix="Attach and start a new one.")
    ledger, own = Ledger(Database(config.state_file)), ownership(config.state_file)

    def is_same(candidate: KernelRecord) -> bool:
        return candidate.kernel_id == record.kernel_id

    taken = await claim(ledger, own, is_same, local_id=None, root=None)
    if taken is None:
        holder = (await run_in(LEDGER, find_kernel, config, record.kernel_id)).owner
        raise _in_use(record, holder or own.owner)
    return taken


async def shut_down(config: EMRConnect, text: str, *, force: bool = False) -> ListedKernel:
    """Delete a kernel that no living process has, on its gateway and in the ledger; returns it as it was.

    Raises as :func:`adopt`, and what keeps the gateway from being asked: nothing is changed then.
    """
    kernel = await run_in(LEDGER, find_kernel, config, text)
    record = kernel.record
    if force:
        await finish_write(Ledger(Database(config.state_file)).offer, record.kernel_id, lives, force=True)
    async with claimed(config, record) as remote:
        await remote.delete(record)
    return kernel


@asynccontextmanager
async def claimed(config: EMRConnect, record: KernelRecord) -> AsyncIterator[RemoteKernels]:
    """Take a kernel that no living process has while it is being removed; its row is deleted at the end.

    Yields what deletes it on its compute. On an error it is free again, as it was. Raises ``KernelInUse`` when somebody
    has it by now: of two that want it exactly one gets it.
    """
    ledger = Ledger(Database(config.state_file))
    own = ownership(config.state_file)

    def is_same(candidate: KernelRecord) -> bool:
        return candidate.kernel_id == record.kernel_id

    if not await claim(ledger, own, is_same, local_id=record.local_id, root=record.root):
        holder = (await run_in(LEDGER, find_kernel, config, record.kernel_id)).owner
        raise _in_use(record, holder or own.owner)
    try:
        remote = await remote_of(config, record)
        try:
            yield remote
        finally:
            await remote.close()
    except BaseException as error:
        why = f"It could not be deleted. {error}"
        await finish_write(ledger.release, record.kernel_id, own.owner.id, cause="not deleted", reason=why)
        raise
    await finish_write(ledger.remove, record.kernel_id)


def _in_use(record: KernelRecord, holder: Owner) -> KernelInUse:
    where = f"process {holder.pid} on {holder.host}"
    message = f"Kernel {record.kernel_id} is in use by {where}."
    return KernelInUse(message, fix="Shut it down or stop it there, or use --force (force=true) to take it away.")


def read_kernels(config: EMRConnect) -> list[ListedKernel]:
    """Return the kernels of the ledger with their owners, the latest first; blocks on the state file."""
    ledger = Ledger(Database(config.state_file))
    owners = ledger.owners()
    living = {owner_id: seems_alive(owner) for owner_id, owner in owners.items()}
    return [
        ListedKernel(record, owners.get(record.owner_id or ""), living.get(record.owner_id or "", False))
        for record in ledger.all()
    ]


def _gateway_key(kernel: ListedKernel) -> tuple[str, ...]:
    record = kernel.record
    names = (record.transport, record.profile, record.region, record.access_role, record.compute, record.runtime_role)
    return tuple(name or "" for name in names)


async def _ask(config: EMRConnect, kernels: Sequence[ListedKernel]) -> tuple[dict[str, str], dict[str, Any] | None]:
    """Return the states of the kernels of one gateway by id, and the body's error when it could not be asked."""
    words = {kernel.record.kernel_id: "unknown" for kernel in kernels}
    record = kernels[0].record
    try:
        remote = await remote_of(config, record)
    except EMRConnectError as error:
        return words, error_entry(error, region=record.region)
    try:
        for kernel in kernels:
            words[kernel.record.kernel_id] = await remote.word(kernel.record)
    finally:
        await remote.close()
    return words, None
