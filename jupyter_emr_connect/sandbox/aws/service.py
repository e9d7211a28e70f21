"""What a service of the AWS front is, a call to one, and the state that calls work on.

Every service module builds on this one, and none of them knows the application that calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..world.eks import EndpointSpec, VirtualClusterSpec
from ..world.serverless import ApplicationSpec
from ..world.world import ClusterSpec, World
from .failures import Reply
from .identity import ANONYMOUS, AccessKeys, Principal
from .incoming import Incoming
from .lifecycle import (
    Clock,
    ResourceLifecycle,
    application_lifecycle,
    cluster_lifecycle,
    endpoint_lifecycle,
    virtual_cluster_lifecycle,
)
from .limits import BucketRate


@dataclass(frozen=True)
class AWSContext:
    """What the calls to one AWS front work on: the world, the access keys, and what changes the world with time.

    ``clock`` gives seconds since the epoch; the lifecycles hold the state transitions of the world's resources.
    """

    world: World
    clock: Clock
    keys: AccessKeys
    clusters: ResourceLifecycle[ClusterSpec]
    virtual_clusters: ResourceLifecycle[VirtualClusterSpec]
    endpoints: ResourceLifecycle[EndpointSpec]
    applications: ResourceLifecycle[ApplicationSpec]

    @classmethod
    def of(cls, world: World, clock: Clock) -> AWSContext:
        """Return the context of a fresh front over ``world``: no sessions, no transition under way."""
        return cls(
            world,
            clock,
            AccessKeys(clock),
            cluster_lifecycle(world.clusters, clock),
            virtual_cluster_lifecycle(world.virtual_clusters, clock),
            endpoint_lifecycle(world.endpoints, clock),
            application_lifecycle(world.applications, clock),
        )


@dataclass(frozen=True)
class Check:
    """One question to IAM that a call raises; ``context`` adds condition keys to the request's own.

    ``resource_policies`` are policy documents of the resource itself (a bucket's); ``owner`` the account that has it.
    """

    action: str
    resource: str
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    resource_policies: tuple[str, ...] = ()
    owner: str = ""


@dataclass
class Call:
    """A request on its way through the pipeline; the steps fill it in.

    ``service`` is the SigV4 name, ``compute`` the compute that the call is about, for faults meant for one.
    """

    aws: AWSContext
    incoming: Incoming
    request_id: str
    service: str = ""
    region: str = ""
    action: str = ""
    principal: Principal = ANONYMOUS
    params: dict[str, Any] = field(default_factory=dict)
    operation: Any = None
    compute: str | None = None

    @property
    def account(self) -> str:
        """The caller's account; that of the sandbox where the caller is anonymous."""
        return self.principal.account or self.aws.world.account

    @property
    def now(self) -> float:
        """The time by the context's clock, in seconds since the epoch."""
        return self.aws.clock()


Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True)
class Service:
    """One AWS service.

    ``name`` is its SigV4 name, ``model`` botocore's, ``prefix`` IAM's. ``handlers`` answer by operation name;
    operations without one go to moto where ``moto`` is set (its backend's name), else they are not emulated; ``answer``
    takes the place of moto's bare answer where something is to be done before or after it.
    ``checks`` gives IAM's questions for a call (none: nobody is refused). ``compute`` finds the compute that a call
    is about, for faults that are meant for one compute. ``anonymous`` operations need no signature. ``strict`` holds
    the parameters against every constraint of the model before anyone is asked (``constraints``).
    """

    name: str
    model: str
    prefix: str
    checks: Callable[[Call], Sequence[Check]]
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    moto: str = ""
    answer: Callable[[Call], Reply] | None = None
    rates: Mapping[str, BucketRate] = field(default_factory=dict)
    compute: Callable[[Call], str | None] = lambda call: None
    anonymous: bool = False
    strict: bool = False
