"""What a service of the AWS front is, and a call to one. Every service module builds on this."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .identity import ANONYMOUS, Principal
from .incoming import Incoming
from .limits import BucketRate

if TYPE_CHECKING:
    from .app import Front


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
    """A request on its way through the pipeline; the steps fill it in."""

    front: Front
    incoming: Incoming
    request_id: str
    service: str = ""
    region: str = ""
    action: str = ""
    principal: Principal = ANONYMOUS
    params: dict[str, Any] = field(default_factory=dict)
    operation: Any = None

    @property
    def account(self) -> str:
        """The caller's account; that of the sandbox where the caller is anonymous."""
        return self.principal.account or self.front.world.account

    @property
    def now(self) -> float:
        """The front's clock, in seconds since the epoch."""
        return self.front.clock()


Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True)
class Service:
    """One AWS service.

    ``name`` is its SigV4 name, ``model`` botocore's, ``prefix`` IAM's. ``handlers`` answer by operation name;
    operations without one go to moto where ``moto`` is set (its backend's name), else they are not emulated.
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
    rates: Mapping[str, BucketRate] = field(default_factory=dict)
    compute: Callable[[Call], str | None] = lambda call: None
    anonymous: bool = False
    strict: bool = False
