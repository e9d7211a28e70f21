"""Who started what behind one compute's front door. Neither JEG nor Livy knows, so the doors remember."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Literal

LivyKind = Literal["sessions", "batches"]


@dataclass(frozen=True)
class LivyItem:
    """A Livy session or batch: the user it runs as and, when a gateway kernel made it, that kernel's id."""

    kind: LivyKind
    number: int
    user: str
    kernel_id: str | None


class Owners:
    """Gateway kernels by id with their owner, and Livy sessions and batches by number with their user.

    Lives in the event loop of the supervisor; a restarted engine begins with nothing.
    """

    def __init__(self) -> None:
        self.kernels: dict[str, str] = {}
        self.starting: set[str] = set()
        self._items: dict[tuple[LivyKind, int], LivyItem] = {}

    def kernels_of(self, owner: str) -> set[str]:
        """Return the ids of the owner's kernels."""
        return {kernel_id for kernel_id, its_owner in self.kernels.items() if its_owner == owner}

    def adopt(self, kernel_id: str, owner: str) -> bool:
        """Reserve a kernel id for its owner before the gateway knows it; False when it is taken."""
        if kernel_id in self.kernels:
            return False
        self.kernels[kernel_id] = owner
        self.starting.add(kernel_id)
        return True

    def drop_kernel(self, kernel_id: str) -> None:
        """Forget a kernel that is gone or never came."""
        self.kernels.pop(kernel_id, None)
        self.starting.discard(kernel_id)

    def add(self, item: LivyItem) -> None:
        """Remember a session or batch that Livy has just made."""
        self._items[item.kind, item.number] = item

    def drop(self, item: LivyItem) -> None:
        """Forget a session or batch that is deleted."""
        self._items.pop((item.kind, item.number), None)

    def item(self, kind: LivyKind, number: int, user: str) -> LivyItem | None:
        """Return the user's own session or batch of this number."""
        found = self._items.get((kind, number))
        return found if found and found.user == user else None

    def made_by(self, kernel_id: str) -> list[LivyItem]:
        """Return what a gateway kernel made in Livy and what is not yet deleted."""
        return [item for item in self._items.values() if item.kernel_id == kernel_id]

    def disown(self, items: list[LivyItem]) -> None:
        """Make orphans of what a kernel had made before it was restarted, as far as it is still there."""
        for item in items:
            if self._items.get((item.kind, item.number)) == item:
                self.add(replace(item, kernel_id=f"before the restart of {item.kernel_id}"))

    def orphans(self) -> list[LivyItem]:
        """Return what kernels made in Livy that are no more."""
        return [item for item in self._items.values() if item.kernel_id and item.kernel_id not in self.kernels]

    def forget_kernels(self) -> None:
        """Forget every kernel: the gateway is gone, and they with it."""
        self.kernels.clear()
        self.starting.clear()

    def forget_items(self) -> None:
        """Forget every session and batch: the Livy server is gone, and they with it."""
        self._items.clear()


def canonical_id(text: object) -> str | None:
    """Return a UUID in the one form that the gateway uses, or None when it is no UUID of version 4."""
    try:
        parsed = uuid.UUID(str(text))
    except ValueError:
        return None
    return str(parsed) if parsed.version == 4 else None
