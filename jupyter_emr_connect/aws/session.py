"""AWS sessions: one per (profile, region, access role), never changed once made.

Where the process changes its AWS variables (``%env AWS_PROFILE=…`` in a notebook), another session is made.

botocore is imported at the first session, not with this module, since it costs a tenth of a second. All functions
block; callers with an event loop run them in a thread. Clients may be used from any thread (botocore's own promise).
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import AWSError, AWSUnavailable, ConfigurationError, CredentialsExpired, InvalidCredentials, NoCredentials
from ..http.deadlines import seconds_left
from ..models import AccessRole
from .budget import BUDGET
from .callers import Caller, client_making, forget_callers, open_caller, surroundings

if TYPE_CHECKING:
    from botocore.credentials import Credentials

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 30
ATTEMPTS = 5


@dataclass(frozen=True)
class SessionKey:
    """Whose session: ``None`` leaves the choice to the AWS chain; ``access_role`` is assumed for EMR's APIs."""

    profile: str | None = None
    region: str | None = None
    access_role: AccessRole | None = None


class AWSSession:
    """Calls AWS as one caller in one region and raises our errors only.

    ``region`` is the one found; ``label`` says whose credentials these are, for messages.
    """

    def __init__(self, key: SessionKey) -> None:
        """Find region and credentials; raises ``NoRegion``, ``NoCredentials``, ``CredentialsExpired``."""
        self.key = key
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.caller: Caller = open_caller(key.profile, key.access_role, key.region)
        self.region = key.region or self.caller.default_region() or ""
        if not self.region:
            from .errors import no_region

            raise no_region()
        self.profile, self.label = self.caller.profile, self.caller.label

    @property
    def credentials(self) -> Credentials:
        """The caller's credentials, as botocore keeps and renews them."""
        return self.caller.credentials

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        """Make one call, e.g. ``call("emr", "DescribeCluster", ClusterId=…)``, and return AWS's answer."""
        return next(self.pages(service, operation, **parameters))

    def pages(self, service: str, operation: str, /, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Make a call and follow its pages to the end; ``parameters`` are AWS's own names."""
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError

        from .errors import translate

        method, endpoint = xform_name(operation), ""
        try:
            client = self._client(service)
            endpoint = client.meta.endpoint_url
            if client.can_paginate(method):
                yield from client.get_paginator(method).paginate(**parameters)
            else:
                yield getattr(client, method)(**parameters)
        except NoCredentials:  # ours, from within botocore: nobody could be asked for an MFA code
            forget(self.key)
            raise
        except (BotoCoreError, ClientError) as error:
            ours = translate(error, self.caller.call(service, operation, self.region, endpoint))
            if isinstance(ours, NoCredentials | CredentialsExpired | InvalidCredentials):
                forget(self.key)  # so that a new login is seen without a restart
            raise ours from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # botocore's words for a malformed answer
            action = self.caller.call(service, operation, self.region, endpoint).action
            message = f"The answer to {action} from {endpoint or service} cannot be read ({type(error).__name__})."
            raise AWSError(message, fix="Is a proxy in between? Check AWS_ENDPOINT_URL.", iam_action=action) from error

    def offers(self, service: str) -> bool:
        """Whether AWS's partition of this region has the service at all (botocore's own list of endpoints)."""
        from botocore.exceptions import UnknownRegionError

        core = self.caller.core
        try:
            with client_making:  # each thread that asks before the list of endpoints is there would load it (8 MB)
                partition = core.get_partition_for_region(self.region)
                return bool(core.get_available_regions(service, partition_name=partition))
        except UnknownRegionError as error:
            message = f"{self.region[:40]!r} is not an AWS region."
            raise ConfigurationError(message, fix="Name one such as us-east-1.") from error

    def _client(self, service: str) -> Any:
        with self._lock:  # making clients is not thread-safe, using them is
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            return self._clients[service]

    def _make_client(self, service: str) -> Any:
        from botocore.config import Config

        config = Config(
            user_agent_extra=_user_agent(),
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            # Not `adaptive`: one throttled operation would slow all the others; the budget knows each one's rate.
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        try:
            # boto3's own Session would set the region of the botocore session that all our regions share.
            with client_making:
                client = self.caller.core.create_client(service, region_name=self.region, config=config)
        except ValueError as error:  # botocore's word for an endpoint that is no URL
            message = f"The address of {service} cannot be used: {error}."
            raise ConfigurationError(
                message, fix="Correct AWS_ENDPOINT_URL, or endpoint_url in ~/.aws/config."
            ) from error
        client.meta.events.register("before-send", self._spend)
        client.meta.events.register("response-received", self._heed)
        return client

    def _spend(self, event_name: str, **context: Any) -> None:
        """Take a token for an attempt that is about to leave; called by botocore, in the calling thread.

        Raises ``AWSUnavailable`` where the deadline of the work that it is for has passed: a thread is held by an
        answer that nobody waits for during one attempt at most.
        """
        _, service, operation = event_name.split(".", 2)
        if seconds_left() <= 0:
            call = self.caller.call(service, operation, self.region)
            message = f"AWS did not answer in time; {call.action} was not asked any more."
            raise AWSUnavailable(message, fix="Try again.", iam_action=call.action)
        BUDGET.take(self._owner(service), operation)

    def _heed(self, event_name: str, parsed_response: dict[str, Any] | None = None, **context: Any) -> None:
        """Learn from a throttled attempt that others in the account have used up the rate; called by botocore."""
        from .errors import THROTTLED

        if parsed_response and parsed_response.get("Error", {}).get("Code") in THROTTLED:
            _, service, operation = event_name.split(".", 2)
            BUDGET.drain(self._owner(service), operation)

    def free(self, service: str, operation: str) -> int:
        """Return how many calls of an operation could leave now without waiting (see :mod:`.budget`)."""
        return BUDGET.free(self._owner(service), operation)

    def _owner(self, service: str) -> tuple[str, str, str]:
        return self.caller.account or self.label, self.region, service


@functools.cache
def _user_agent() -> str:
    """Return what AWS's logs say of us; read once, for finding a package's version takes as long as half a client."""
    from importlib.metadata import version

    return f"jupyter-emr-connect/{version('jupyter_emr_connect')}"


_sessions: dict[tuple[SessionKey, str], AWSSession] = {}
_sessions_lock = threading.Lock()


def open_session(
    profile: str | None = None, region: str | None = None, access_role: AccessRole | None = None
) -> AWSSession:
    """Return this process's session for the three; raises as :class:`AWSSession` does. May block on the network."""
    key = SessionKey(profile or None, region or None, access_role)
    where = surroundings(key.profile, key.region)
    with _sessions_lock:
        known = _sessions.get((key, where))
    if known is None:
        made = AWSSession(key)
        with _sessions_lock:
            known = _sessions.setdefault((key, where), made)
    return known


def forget(key: SessionKey | None = None) -> None:
    """Drop a caller's sessions in all regions (or all sessions), so that the next call reads credentials anew."""
    with _sessions_lock:
        if key is None:
            _sessions.clear()
            BUDGET.clear()
        for one in [one for one in _sessions if key and same_caller(one[0], key)]:
            del _sessions[one]
    if key is None:
        forget_callers(every=True)
    else:
        forget_callers(key.profile, key.access_role)


def same_caller(one: SessionKey, other: SessionKey) -> bool:
    """Whether two keys are of one profile and access role."""
    return (one.profile, one.access_role) == (other.profile, other.access_role)
