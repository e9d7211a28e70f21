"""How virtual clusters and managed endpoints come and go: CREATING → ACTIVE, TERMINATING → TERMINATED."""

from __future__ import annotations

from collections.abc import Callable

from ...world.eks import EndpointSpec, VirtualClusterSpec
from ...world.world import World
from ..stages import ResourceStages


class VirtualClusterStages(ResourceStages[VirtualClusterSpec]):
    """The virtual clusters of a world."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        super().__init__(lambda: world.virtual_clusters, clock, {"TERMINATING": "TERMINATED"})


class EndpointStages(ResourceStages[EndpointSpec]):
    """The managed endpoints of a world."""

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        following = {"CREATING": "ACTIVE", "TERMINATING": "TERMINATED"}
        super().__init__(lambda: world.endpoints, clock, following)
