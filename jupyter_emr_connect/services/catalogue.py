"""The catalogue of computes: lists them, describes them, and finds one by id, ARN or name. EMR on EC2 for now.

All methods block; callers with an event loop use a thread.
"""

from __future__ import annotations

import difflib
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from ..aws import emr
from ..aws.session import AWSSession, open_session
from ..aws.sts import get_identity
from ..errors import (
    AccessDenied,
    AmbiguousCompute,
    AWSError,
    AWSUnavailable,
    ComputeNotFound,
    CredentialsExpired,
    EMRConnectError,
    InvalidCredentials,
    NotAttachable,
    Throttled,
)
from ..models import Compute
from . import eligibility

CLUSTER_ID = re.compile(r"j-[A-Z0-9]{1,254}")
CLUSTER_ARN = re.compile(r"arn:aws[a-zA-Z-]*:elasticmapreduce:([a-z0-9-]+):(\d{12}):cluster/(j-[A-Z0-9]+)")
# DescribeCluster refills at one call a second for the whole account (reference 1.2), so details are rationed.
DETAIL_WORKERS = 3
DETAIL_SECONDS = 8.0
RECENTLY = timedelta(days=30)
NOT_LOOKED_AT = "Not looked at in time (AWS limits the account's call rate); `jupyter emr show` does."


class Catalogue:
    """The computes that one session sees. Security configurations are read once per object (AWS cannot change them)."""

    def __init__(self, session: AWSSession) -> None:
        self.session = session
        self._security: dict[str, tuple[emr.SecurityConfiguration | None, str | None]] = {}

    def list(
        self,
        *,
        ended: bool = False,
        progress: Callable[[int, int], None] = lambda done, total: None,
        seconds: float = DETAIL_SECONDS,
    ) -> list[Compute]:
        """Return all computes, the newest first; with ``ended`` also those terminated in the last 30 days.

        Those that could take a kernel are described, the newest first, for at most ``seconds``; the rest say in
        ``reason`` that they were not looked at. ``progress(done, total)`` follows the descriptions.
        """
        rows = list(emr.list_clusters(self.session))
        if ended:
            since = datetime.now(timezone.utc) - RECENTLY
            rows += emr.list_clusters(self.session, emr.ENDED, created_after=since)
        rows.sort(key=lambda row: row.created_at or "", reverse=True)
        usable = [row for row in rows if row.state in eligibility.ATTACHABLE_STATES]
        described = self._describe_all(usable, progress, seconds)
        return [described.get(row.id) or undescribed(row, self.session.region) for row in rows]

    def _describe_all(
        self, rows: Sequence[emr.ClusterRow], progress: Callable[[int, int], None], seconds: float
    ) -> dict[str, Compute]:
        """Describe rows until ``seconds`` are over; what AWS answers later than that is not waited for."""
        deadline = time.monotonic() + seconds
        waiting, answers = iter(rows), queue.SimpleQueue[Compute | EMRConnectError | None]()
        over = threading.Event()

        def work() -> None:
            for row in iter(lambda: None if over.is_set() else next(waiting, None), None):
                answers.put(self._try_describe(row, over))
            answers.put(None)

        for _ in range(DETAIL_WORKERS):
            # Daemons: a call that AWS throttles is repeated for half a minute, which nobody shall wait for at the end.
            threading.Thread(target=work, name="emr-describe", daemon=True).start()
        found: dict[str, Compute] = {}
        ended = 0
        try:
            while ended < DETAIL_WORKERS:
                answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
                if answer is None:
                    ended += 1
                    continue
                if isinstance(answer, EMRConnectError):
                    raise answer
                found[answer.id] = answer
                progress(len(found), len(rows))
        except queue.Empty:
            pass
        finally:
            over.set()
        return found

    def _try_describe(self, row: emr.ClusterRow, over: threading.Event) -> Compute | EMRConnectError:
        try:
            return self.describe(row.id)
        except (AccessDenied, AWSUnavailable, ComputeNotFound, Throttled) as error:
            if isinstance(error, Throttled):
                over.set()  # more calls would only throttle the whole account
            return replace(undescribed(row, self.session.region), reason=f"Not known: {error.message}")
        except EMRConnectError as error:
            return error

    def describe(self, cluster_id: str) -> Compute:
        """Return a cluster with everything computed; raises ``ComputeNotFound`` for an id that AWS does not know."""
        cluster = emr.describe_cluster(self.session, cluster_id)
        if cluster is None:
            raise self._not_found(cluster_id, [])
        security, problem = self._security_of(cluster)
        verdict = eligibility.judge(cluster, security, security_problem=problem)
        details = {
            "applications": cluster.applications,
            "security_configuration": cluster.security_configuration,
            "in_transit_encryption": security.in_transit_encryption if security else None,
            "runtime_role_reason": verdict.role_reason,
            "host": cluster.host,
            "livy_port": cluster.settings.get("livy-conf", {}).get("livy.server.port"),
            "offers": list(eligibility.offered_transports(cluster)),
            "network": cluster.network,
            "log_uri": cluster.log_uri,
            "service_role": cluster.service_role,
        }
        return replace(described(cluster, verdict, self.session.region), details=details)

    def _security_of(self, cluster: emr.Cluster) -> tuple[emr.SecurityConfiguration | None, str | None]:
        name = cluster.security_configuration
        if not name:
            return None, None
        if name not in self._security:
            try:
                self._security[name] = emr.security_configuration(self.session, name), None
            except AccessDenied as error:
                why = f"{error.iam_action} is denied"
                self._security[name] = None, f"its security configuration {name!r} cannot be read: {why}"
            except (CredentialsExpired, InvalidCredentials):
                raise
            except AWSError as error:
                return None, f"its security configuration {name!r} cannot be read: {error.message.rstrip('.')}"
        return self._security[name]

    def resolve(self, text: str) -> Compute:
        """Return the described compute of an id, an ARN or an unambiguous name.

        Raises ``ComputeNotFound`` (says what was searched, suggests near names) and ``AmbiguousCompute``.
        """
        text = text.strip()
        if CLUSTER_ID.fullmatch(text):
            return self.describe(text)
        if text.startswith("arn:"):
            return self._resolve_arn(text)
        return self._resolve_name(text)

    def _resolve_arn(self, text: str) -> Compute:
        if ":emr-containers:" in text or ":emr-serverless:" in text:
            message = f"{text} is not an EMR on EC2 cluster, the only kind that this version can attach to."
            raise NotAttachable(message, fix="`jupyter emr list` shows the computes it can.")
        found = CLUSTER_ARN.fullmatch(text)
        if not found:
            message = f"{text!r} is not the ARN of an EMR cluster."
            raise ComputeNotFound(message, fix="It looks like arn:aws:elasticmapreduce:REGION:ACCOUNT:cluster/j-….")
        there = self
        if found[1] != self.session.region:
            key = self.session.key
            there = Catalogue(open_session(key.profile, found[1], key.access_role))
        compute = there.describe(found[3])
        if compute.arn != text:
            raise there._not_found(text, [])
        return compute

    def _resolve_name(self, name: str) -> Compute:
        rows = list(emr.list_clusters(self.session))
        same = [row for row in rows if row.name == name]
        if not same:
            since = datetime.now(timezone.utc) - RECENTLY
            ended = [row for row in emr.list_clusters(self.session, emr.ENDED, created_after=since) if row.name == name]
            same = sorted(ended, key=lambda row: row.created_at or "")[-1:]
        if not same:
            raise self._not_found(name, [row.name for row in rows])
        if len(same) > 1:
            listed = ", ".join(f"{row.id} ({row.state}, created {(row.created_at or '?')[:16]})" for row in same)
            message = f"{len(same)} clusters are named {name!r}: {listed}."
            raise AmbiguousCompute(message, fix="Use the id.")
        return self.describe(same[0].id)

    def _not_found(self, text: str, names: Iterable[str]) -> ComputeNotFound:
        try:
            account = f"account {get_identity(self.session).account}"
        except EMRConnectError:
            account = "the account"
        where = f"{account}, region {self.session.region}, {self.session.label}"
        near = difflib.get_close_matches(text, sorted(set(names)), n=3)
        hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        message = f"No EMR cluster {text!r} in {where}."
        return ComputeNotFound(message, fix=f"{hint}`jupyter emr list` shows those there are.")


def undescribed(row: emr.ClusterRow, region: str) -> Compute:
    """Return what a row of the list says of a cluster; ``region`` counts where there is no ARN."""
    parts = (row.arn or ":::::").split(":")
    return Compute(
        id=row.id,
        kind="ec2",
        name=row.name,
        arn=row.arn,
        region=parts[3] or region,
        account=parts[4],
        state=row.state,
        state_reason=row.state_reason,
        created_at=row.created_at,
        reason=eligibility.state_obstacle(row.state, row.state_reason) or NOT_LOOKED_AT,
    )


def described(cluster: emr.Cluster, verdict: eligibility.Eligibility, region: str) -> Compute:
    """Return a cluster with what was judged of it; ``details`` are left to the caller."""
    return replace(
        undescribed(cluster, region),
        release=cluster.release,
        applications=tuple(cluster.applications),
        tags=cluster.tags,
        attachable=verdict.attachable,
        reason=verdict.reason,
        transports=verdict.transports,
        runtime_role=verdict.runtime_role,
        auth=verdict.auth,
        host=cluster.host,
    )
