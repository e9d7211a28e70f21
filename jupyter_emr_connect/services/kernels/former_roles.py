"""Kernels that go on under another compute or role than their notebook is attached to by now."""

from __future__ import annotations

from pathlib import Path

from ...config import EMRConnect
from ...models import Attachment, KernelRecord
from ..attachments.resolution import attachments_above
from .listing import ListedKernel, read_kernels


def kernels_under_former(config: EMRConnect, attachment: Attachment) -> list[ListedKernel]:
    """Return the kernels for which an attachment holds, but which run on what was attached before; the latest first.

    Each stays there until it is restarted. Called by ``POST`` and ``PATCH attachments`` and by ``jupyter emr attach``
    after the attachment was stored; blocks on the state file and the disk. Raises ``StoreError``.
    """
    return [kernel for kernel in read_kernels(config) if _is_under_former(config, kernel.record, attachment)]


def _is_under_former(config: EMRConnect, record: KernelRecord, attachment: Attachment) -> bool:
    if record.state == "gone" or (record.compute, record.runtime_role) == (
        attachment.compute,
        attachment.runtime_role,
    ):
        return False
    path = record.path or (str(Path(record.root or "", record.jupyter_path)) if record.jupyter_path else None)
    holding = attachments_above(config, path) if path else []
    return bool(holding) and holding[0].id == attachment.id
