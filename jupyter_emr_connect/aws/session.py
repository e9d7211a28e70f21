"""AWS sessions: one per (profile, region, access role), never changed once made.

boto3 is imported at the first session, not with this module, since it costs a tenth of a second. All functions block;
callers with an event loop run them in a thread. Clients may be used from any thread (boto3's own promise).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..errors import ConfigurationError, CredentialsExpired, InvalidCredentials, NoCredentials

if TYPE_CHECKING:
    import botocore.session
    from botocore.credentials import Credentials

    from .errors import Call

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 30
ATTEMPTS = 5


@dataclass(frozen=True)
class SessionKey:
    """Whose session: ``None`` leaves the choice to the AWS chain; ``access_role`` is assumed for EMR's APIs."""

    profile: str | None = None
    region: str | None = None
    access_role: str | None = None


class AWSSession:
    """Calls AWS as one caller in one region and raises our errors only.

    ``region`` is the one found; ``label`` says whose credentials these are, for messages.
    """

    def __init__(self, key: SessionKey) -> None:
        """Find region and credentials; raises ``NoRegion``, ``NoCredentials``, ``CredentialsExpired``."""
        self.key = key
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._core, self.region = _open_core(key)
        self.profile: str | None = key.profile or self._core.get_config_variable("profile")
        self.label = f"profile {self.profile!r}" if self.profile else "default AWS chain"
        if key.access_role:
            self.label = f"access role {key.access_role}"
        self.credentials: Credentials = _load_credentials(self._core, self._call("sts", "AssumeRole"), key)

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
        except (BotoCoreError, ClientError) as error:
            ours = translate(error, self._call(service, operation, endpoint))
            if isinstance(ours, NoCredentials | CredentialsExpired | InvalidCredentials):
                forget(self.key)  # so that a new login is seen without a restart
            raise ours from error

    def _client(self, service: str) -> Any:
        with self._lock:  # making clients is not thread-safe, using them is
            if service not in self._clients:
                self._clients[service] = self._make_client(service)
            return self._clients[service]

    def _make_client(self, service: str) -> Any:
        from boto3.session import Session
        from botocore.config import Config

        config = Config(
            user_agent_extra=f"jupyter-emr-connect/{__version__}",
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
        )
        session = Session(botocore_session=self._core, region_name=self.region)
        try:
            return session.client(service, config=config)
        except ValueError as error:  # botocore's word for an endpoint that is no URL
            message = f"The address of {service} cannot be used: {error}."
            raise ConfigurationError(
                message, fix="Correct AWS_ENDPOINT_URL, or endpoint_url in ~/.aws/config."
            ) from error

    def _call(self, service: str, operation: str, endpoint: str = "") -> Call:
        from .errors import Call

        login = f"aws sso login --profile {self.profile}" if self.profile else "aws sso login"
        return Call(service, operation, self.label, self.region, endpoint, login)


def _open_core(key: SessionKey) -> tuple[botocore.session.Session, str]:
    import botocore.session
    from botocore.exceptions import BotoCoreError, ProfileNotFound

    from .errors import Call, no_credentials, no_region, translate

    core = botocore.session.Session(profile=key.profile, session_vars={"profile": (None, _profile_names(), None, None)})
    try:
        core.get_scoped_config()  # a profile that is not there is found out here, whatever else is set
        # botocore does not read AWS_REGION, which containers and the other SDKs set.
        region = key.region or core.get_config_variable("region") or os.environ.get("AWS_REGION")
    except ProfileNotFound as error:
        known = ", ".join(core.available_profiles) or "none"
        message = f"{str(error).rstrip('.')} (profiles found: {known})"
        raise no_credentials(message) from error
    except BotoCoreError as error:
        raise translate(error, Call("sts", "GetCallerIdentity", "the AWS settings", "")) from error
    if not region:
        raise no_region()
    return core, region


def _profile_names() -> list[str]:
    """Return the variables that name a profile; in an empty one botocore would look for a profile without a name."""
    return [name for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE") if os.environ.get(name)]


def _load_credentials(core: botocore.session.Session, call: Call, key: SessionKey) -> Credentials:
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
    from botocore.exceptions import BotoCoreError, ClientError

    from .errors import no_credentials, translate

    try:
        found: Credentials | None = core.get_credentials()
    except (BotoCoreError, ClientError) as error:
        raise translate(error, call) from error
    if found is None:
        message = f"No AWS credentials were found ({call.profile})"
        raise no_credentials(message)
    if key.access_role:
        fetcher = AssumeRoleCredentialFetcher(core.create_client, found, key.access_role)
        found = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
        core._credentials = found  # botocore has no public way to give a session renewable credentials
    return found


_sessions: dict[SessionKey, AWSSession] = {}
_sessions_lock = threading.Lock()


def open_session(profile: str | None = None, region: str | None = None, access_role: str | None = None) -> AWSSession:
    """Return this process's session for the three; raises as :class:`AWSSession` does. May block on the network."""
    key = SessionKey(profile or None, region or None, access_role or None)
    with _sessions_lock:
        known = _sessions.get(key)
    if known is None:
        made = AWSSession(key)
        with _sessions_lock:
            known = _sessions.setdefault(key, made)
    return known


def forget(key: SessionKey | None = None) -> None:
    """Drop one session (or all), so that the next call reads profiles and credentials anew."""
    with _sessions_lock:
        if key is None:
            _sessions.clear()
        else:
            _sessions.pop(key, None)
