"""How applications come and go: CREATING → CREATED, STARTING → STARTED, STOPPING → STOPPED (reference 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone

from ...world.serverless import ApplicationSpec
from ...world.world import World
from ..stages import ResourceStages


class ApplicationStages(ResourceStages[ApplicationSpec]):
    """The applications of a world."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        following = {"CREATING": "CREATED", "STARTING": "STARTED", "STOPPING": "STOPPED"}
        super().__init__(lambda: world.applications, clock, following, _arrived)


def _arrived(spec: ApplicationSpec, moment: float) -> ApplicationSpec:
    return replace(spec, state_details="", updated_at=datetime.fromtimestamp(moment, timezone.utc))
