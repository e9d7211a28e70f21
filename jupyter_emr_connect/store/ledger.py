"""The ledger of gateway kernels: what we started where, since a gateway cannot tell us which kernels are ours."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timezone

from ..models import KernelRecord
from .database import Database

COLUMNS = (
    "kernel_id",
    "compute",
    "kernelspec",
    "gateway_url",
    "runtime_role",
    "path",
    "profile",
    "region",
    "access_role",
    "state",
    "started_at",
)


class Ledger:
    """Kernels by their id on the gateway; written by the provisioner before it asks for a kernel, so none is lost."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: KernelRecord) -> KernelRecord:
        """Enter a kernel (again) and return the record with ``started_at``."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        kept = replace(record, started_at=record.started_at or now)
        values = asdict(kept)
        self._database.put("kernels", {name: values[name] for name in COLUMNS})
        return kept

    def update(self, kernel_id: str, *, state: str) -> None:
        """Set a kernel's state: ``starting``, ``connected`` or ``gone``; an unknown id is no error."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE kernels SET state = ? WHERE kernel_id = ?", (state, kernel_id))

    def remove(self, kernel_id: str) -> None:
        """Strike a kernel that is deleted on its gateway."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM kernels WHERE kernel_id = ?", (kernel_id,))

    def get(self, kernel_id: str) -> KernelRecord | None:
        """Return a kernel by its id on the gateway."""
        found = self._database.rows("SELECT * FROM kernels WHERE kernel_id = ?", (kernel_id,))
        return KernelRecord(**found[0]) if found else None

    def all(self) -> list[KernelRecord]:
        """Return all kernels, the latest first."""
        rows = self._database.rows("SELECT * FROM kernels ORDER BY started_at DESC, kernel_id")
        return [KernelRecord(**row) for row in rows]
