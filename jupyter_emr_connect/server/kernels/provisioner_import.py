"""The kernel provisioner is imported by a thread, and not by the server's loop as it starts its first gateway kernel.

jupyter_client (8.10) imports a provisioner where it starts a kernel, which for ours takes 0.2 to 0.5 s, and then looks
for the machine's addresses with what it imports for that. The server would stand still meanwhile.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from jupyter_client import localinterfaces
from jupyter_core.utils import ensure_async

from ...executors import FILES, import_in_thread, run_in

GROUP, NAME = "jupyter_client.kernel_provisioners", "emr-connect"


class ProvisionerImport:
    """Comes before the starts of one server's kernels; ``kernels`` is its kernel manager. On the server's loop."""

    def __init__(self, kernels: Any) -> None:
        self._kernels = kernels
        self._jupyters: Any = None
        self._done = False

    def install(self) -> None:
        """Let all who start a kernel by the kernel manager (routes, sessions, we ourselves) wait for the import."""
        self._jupyters, self._kernels.start_kernel = self._kernels.start_kernel, self.start_kernel

    async def start_kernel(self, *args: Any, **kwargs: Any) -> Any:
        """Import the provisioner if the kernel needs it, then have Jupyter start the kernel; raises what it raises."""
        if not self._done and await self._is_ours(kwargs.get("kernel_name") or self._kernels.default_kernel_name):
            await run_in(FILES, _import)
            await import_in_thread("server.recording.writer")  # what its outputs need, which no other kernel does
            self._done = True
        return await ensure_async(self._jupyters(*args, **kwargs))

    async def _is_ours(self, kernelspec: str) -> bool:
        try:
            spec = await ensure_async(self._kernels.kernel_spec_manager.get_kernel_spec(kernelspec))
            return bool(spec.metadata.get("kernel_provisioner", {}).get("provisioner_name") == NAME)
        except Exception:  # whatever is wrong with the kernelspec, Jupyter says so as it starts the kernel
            return False


def _import() -> None:
    for entry_point in entry_points(group=GROUP, name=NAME):
        entry_point.load()
    localinterfaces.local_ips()
