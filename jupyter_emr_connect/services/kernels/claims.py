"""Which kernels a Jupyter server that starts shall bring back: those of its folder that no living process has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ...config import EMRConnect
from ...models import KernelRecord, Owner
from ...store.database import Database
from ...store.ledger import Ledger
from .ownership import ownership
from .processes import lives


def claim_left(config: EMRConnect, root: str, inside: Callable[[str], bool]) -> tuple[list[KernelRecord], bool]:
    """Claim them all; blocks on the state file and the disk. Raises ``StoreError``.

    ``root`` is the server's folder, ``inside`` says whether a notebook is in it. Also returned is whether there are
    others which a process on another machine seems to have: worth asking again when its heartbeat would be stale.
    """
    ledger = Ledger(Database(config.state_file))
    present = ownership(config.state_file).present()
    found: list[KernelRecord] = []
    doubtful = False

    def is_left(record: KernelRecord) -> bool:
        """Say whether it is one of this server's, and a notebook's only if the notebook is still there."""
        if not record.persistent or record.state == "gone" or not record.local_id:
            return False
        if record.path and inside(record.path) and Path(record.path).is_file():
            return True
        return record.root == root and record.jupyter_type not in (None, "notebook")

    def lives_surely(owner: Owner) -> bool:
        nonlocal doubtful
        alive = lives(owner)
        doubtful = doubtful or (alive and (owner.host, owner.machine) != (present.host, present.machine))
        return alive

    for candidate in ledger.all():
        if is_left(candidate):
            here = {"local_id": candidate.local_id, "root": root}
            same = partial(_is_kernel, candidate.kernel_id)
            if record := ledger.claim(same, present, lives_surely, **here):
                found.append(record)
    return found, doubtful


def _is_kernel(kernel_id: str, record: KernelRecord) -> bool:
    return record.kernel_id == kernel_id


def let_go(config: EMRConnect, record: KernelRecord, reason: str) -> None:
    """Free a claimed kernel that could not be brought back; blocks on the state file."""
    owner = ownership(config.state_file).owner.id
    Ledger(Database(config.state_file)).release(record.kernel_id, owner, cause="not restored", reason=reason)
