"""A source and a kind of compute that answer as a test says, for the live catalogue without AWS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from jupyter_emr_connect.errors import EMRConnectError
from jupyter_emr_connect.models import Compute

NOW = 1_000_000.0
ACCOUNT = "123456789012"


def compute(compute_id: str = "j-A", **fields: Any) -> Compute:
    """Return a cluster as a list tells of it."""
    known = {"kind": "ec2", "name": compute_id.lower(), "region": "us-east-1", "account": ACCOUNT, "state": "WAITING"}
    arn = f"arn:aws:elasticmapreduce:us-east-1:{ACCOUNT}:cluster/{compute_id}"
    return Compute(**{"id": compute_id, "arn": arn, "profile": "p", **known, **fields})


def described(listed: Compute, **fields: Any) -> Compute:
    """Return it as its description tells of it."""
    return replace(listed, **{"attachable": True, "release": "emr-7.0.0", "details": {"offers": []}, **fields})


class Clock:
    """Seconds that a test turns by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class FakeSession:
    """What the jobs ask of a session; ``room`` is how many calls AWS's rates leave."""

    def __init__(self, profile: str = "p", room: int = 100) -> None:
        self.profile, self.room, self.region = profile, room, "us-east-1"
        self.label = f"profile {profile!r}"
        self.caller = SimpleNamespace(account=ACCOUNT, inquiries={}, asking=threading.Lock())

    def offers(self, service: str) -> bool:
        """Every service."""
        return True

    def free(self, service: str, operation: str) -> int:
        """As the test says."""
        return self.room


@dataclass
class FakeSource:
    """A source whose session fails where ``error`` is set."""

    profile: str = "p"
    region: str = "us-east-1"
    access_role: Any = None
    error: EMRConnectError | None = None
    made: FakeSession = field(default_factory=FakeSession)

    @property
    def key(self) -> str:
        """Its name in the state file."""
        return f"{self.profile}|{self.region}|"

    def session(self) -> Any:
        """Return the session, or fail."""
        if self.error:
            raise self.error
        self.made.profile = self.profile
        return self.made


class FakeLister:
    """Clusters that a test holds: ``listed`` in pages; ``answers`` and ``refused`` say what a description gives."""

    kind: Any = "ec2"
    service = "emr"
    operation = "DescribeCluster"
    title = "EMR cluster"

    def __init__(self, *pages: list[Compute] | BaseException) -> None:
        self.listed: list[list[Compute] | BaseException] = list(pages)
        self.refused: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.lists = 0
        self.before: Callable[[str], None] = lambda compute_id: None

    def pages(self, session: Any, *, ended: bool = False) -> Iterator[list[Compute]]:
        """Yield what is listed; an error in its place is raised."""
        self.lists += 1
        for page in [] if ended else list(self.listed):
            if isinstance(page, BaseException):
                raise page
            yield page

    def describe(self, session: Any, compute_id: str, *, depth: Any = "list") -> Compute | None:
        """Describe one that is listed, or fail as the test says."""
        self.asked.append(compute_id)
        self.before(compute_id)
        if error := self.refused.get(compute_id):
            raise error
        rows = [row for page in self.listed if isinstance(page, list) for row in page if row.id == compute_id]
        return described(rows[0]) if rows else None

    def worth_describing(self, one: Compute) -> bool:
        """Those that wait for work."""
        return one.state == "WAITING"

    def is_id(self, text: str) -> bool:
        """``j-…``."""
        return text.startswith("j-")

    def parse_arn(self, text: str) -> tuple[str, str, str] | None:
        """Never."""
        return None
