"""``%emr`` in a kernel that runs on a compute itself: its notebook's attachment, and kernels that were left behind."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..config import EMRConnect
from ..errors import EMRConnectError, NotAttached, StoreError
from ..gateway.event_loop import gateway_loop
from ..models import Attachment, KernelRecord, Transport
from ..store.database import Database
from ..store.ledger import Ledger
from .commands import EMRCommands
from .options import usage_error
from .screen import Screen, TransientLine
from .verbs import KERNEL_VERBS

COMPUTE_VARIABLE = "EMR_CONNECT_COMPUTE"
SPARKMAGICS = "this kernel's Spark session is sparkmagic's, on the compute"
RESTART = "Restart the kernel to go there; its variables are lost then."


@dataclass(frozen=True)
class OwnKernel:
    """The kernel whose cells say ``%emr``: its id in the ledger, and where it runs. ``env`` is its environment."""

    kernel_id: str
    compute: str
    role: str | None
    transport: Transport
    env: Mapping[str, str] = field(repr=False)

    def record(self, config: EMRConnect) -> KernelRecord | None:
        """Return its row in the ledger, which follows its notebook's renames; None where there is none."""
        try:
            return Ledger(Database(config.state_file)).get(self.kernel_id)
        except StoreError:
            return None


class KernelCommands(EMRCommands):
    """``%emr`` in a kernel of ours. What it changes holds from the kernel's next start on."""

    verbs = KERNEL_VERBS

    def __init__(self, screen: Screen, settings: Callable[[], EMRConnect], *args: Any, kernel: OwnKernel) -> None:
        super().__init__(screen, settings, *args)
        self._kernel = kernel

    def own_status(self) -> list[str]:
        """Return where this kernel runs."""
        kernel = self._kernel
        role = f" under {kernel.role}" if kernel.role else ""
        return [f"this kernel: on {kernel.compute} by {kernel.transport}{role}", *super().own_status()]

    def _attach(self, options: argparse.Namespace) -> None:
        from ..services.attachments.attach import attach

        path = self._notebook("attach")
        transport = options.transport
        request = Attachment(
            options.compute, options.role, transport, path=path, profile=options.profile, region=options.region
        )
        line = TransientLine(self._screen)
        work = attach(self.settings, request, stage=lambda name: line.show(f"Attaching: {name}"))
        try:
            made, found = gateway_loop().submit(work).result()
        except EMRConnectError as error:
            self.audit.attachment("refused", request, path, refusal=error)
            raise
        finally:
            line.clear()
        self.audit.attachment("attach", made, made.path)
        role = f" under {made.runtime_role}" if made.runtime_role else ""
        self._screen.write(f"Attached {made.path} to {found.name} ({found.id}){role}. {self._what_now(made)}\n")

    def _what_now(self, made: Attachment) -> str:
        """Return what is to be done so that the kernel runs where its notebook is attached to."""
        own = self._kernel
        stays = (made.compute, made.runtime_role) == (own.compute, own.role)
        if stays and made.transport in ("auto", own.transport):
            return "This kernel runs there."
        return f"This kernel still runs on {own.compute}{f' under {own.role}' if own.role else ''}. {RESTART}"

    def _detach(self, options: argparse.Namespace) -> None:
        from ..services.attachments.attach import detach

        ended = detach(self.settings, self._notebook("detach"))
        self.audit.attachment("detach", ended, ended.path)
        self._screen.write(f"Detached {ended.path}. This kernel still runs on {self._kernel.compute}.\n")

    def _adopt(self, options: argparse.Namespace) -> None:
        from ..services.kernels.listing import adopt

        path = self._notebook("adopt")
        with self.audit.kernel_change("adopt", options.kernel, force=options.force) as about:
            work = adopt(self.settings, options.kernel, path=path, force=options.force)
            found = gateway_loop().submit(work).result().record
            about.record = found
        own = self._kernel.record(self.settings)
        other = f" (a notebook of {found.kernelspec})" if own and own.kernelspec != found.kernelspec else ""
        self._screen.write(
            f"{path} goes on with kernel {found.kernel_id}{other}, its variables as they were, once this kernel is "
            "shut down (Shut Down Kernel, not Restart) and the notebook's kernel is started again.\n"
        )

    def _notebook(self, verb: str) -> str:
        """Return the key of the kernel's notebook; raises what is wrong where its attachment does not count."""
        if self._kernel.env.get(COMPUTE_VARIABLE, "").strip() and verb != "adopt":
            message = f"{COMPUTE_VARIABLE} is set in this kernel's environment, which goes before any attachment."
            raise NotAttached(message, fix="Start the kernel without it to attach its notebook.")
        record = self._kernel.record(self.settings)
        if record is None or record.path is None:
            message = "Nobody says which notebook this kernel is for, so there is none to attach."
            raise NotAttached(message, fix="Use `jupyter emr attach COMPUTE NOTEBOOK` in a terminal, or the EMR panel.")
        return record.path


class GatewayCommands(KernelCommands):
    """``%emr`` in a gateway kernel, answered beside it; ``restart`` has the kernel restarted, and waits for that."""

    footer = "Cells that begin with %emr are answered on your own side; everything else goes to the kernel."

    def __init__(
        self, screen: Screen, settings: Callable[[], EMRConnect], *, kernel: OwnKernel, restart: Callable[[], None]
    ) -> None:
        super().__init__(screen, settings, kernel=kernel)
        self._restart_kernel = restart

    def _restart(self, options: argparse.Namespace) -> None:
        self._restart_kernel()
        self._screen.write("The kernel was restarted where it was; its variables are lost.\n")

    def _ui(self, options: argparse.Namespace) -> None:
        message = f"%emr ui: {SPARKMAGICS}: %%info shows its Spark UI."
        raise usage_error(message)

    def _logs(self, options: argparse.Namespace) -> None:
        message = f"%emr logs: {SPARKMAGICS}: %%logs shows its end."
        raise usage_error(message)
