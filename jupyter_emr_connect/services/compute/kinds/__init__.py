"""The three kinds of compute, each normalised into :class:`Compute` by a module of its own behind one interface."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ....aws.session import AWSSession
from ....config import EMRConnect
from ....models import Compute, Kind
from .applications import Applications
from .clusters import Clusters
from .endpoints import Endpoints
from .row import Depth


class Lister(Protocol):
    """What the catalogue asks of a kind. All methods that take a session block on AWS and raise its errors."""

    kind: Kind
    service: str
    """botocore's name of the AWS service."""
    operation: str
    """The operation that describes one compute: its rate decides how many are described."""
    title: str
    """What users call such a compute, e.g. ``EMR cluster``."""

    def pages(self, session: AWSSession, *, ended: bool = False) -> Iterator[list[Compute]]:
        """Yield the computes that are there (with ``ended``: those that were, lately), a page of AWS's at a time.

        A row that is not yet described has no ``details``.
        """

    def describe(self, session: AWSSession, compute_id: str, *, depth: Depth = "list") -> Compute | None:
        """Return one compute with all facts, or None when AWS knows no such id; ``depth`` says for what."""

    def worth_describing(self, compute: Compute) -> bool:
        """Whether a description could tell more of use than the row of the list does."""

    def is_id(self, text: str) -> bool:
        """Whether ``text`` has the form of an id of this kind."""

    def parse_arn(self, text: str) -> tuple[str, str, str] | None:
        """Return (region, account, id) of an ARN of this kind, else None."""


def make_listers(config: EMRConnect) -> tuple[Lister, ...]:
    """Return a lister of each kind, in the order in which computes are shown."""
    return (
        Clusters(config.studio_subnets, check_reach=config.check_reach),
        Endpoints(check_reach=config.check_reach),
        Applications(),
    )
