"""Callers: a profile's credentials, and those of access roles assumed with them. One per (profile, access role).

A caller is shared by its sessions in all regions, so that a login or a role is asked for once. botocore's models are
loaded once for the whole process, which saves tens of megabytes with many regions.
"""

from __future__ import annotations

import functools
import getpass
import hashlib
import os
import re
import threading
from typing import TYPE_CHECKING, Any

from ..models import AccessRole
from . import mfa
from .profiles import known_profiles

if TYPE_CHECKING:
    from concurrent.futures import Future

    import botocore.session
    from botocore.credentials import Credentials

    from .errors import AWSCall

SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)
ACCOUNT_OF_ROLE = re.compile(r"arn:[^:]*:iam::(\d{12}):")


class Caller:
    """Whose calls: ``core`` is botocore's session, ``credentials`` renew themselves, ``label`` is for messages.

    ``account`` and ``arn`` are the caller's once they are known; ``lock`` lets one thread ask for it. ``inquiries`` are
    those that threads of their own have made for it, by region and with their time, changed under ``asking``
    (:func:`.sts.account_within`).
    """

    def __init__(self, profile: str | None, access_role: AccessRole | None, region: str | None) -> None:
        """Find profile and credentials; raises ``NoRegion``, ``NoCredentials``, ``CredentialsExpired``.

        ``region`` is where STS is asked for access roles; None leaves it to the AWS chain.
        """
        self.access_role = access_role
        self.core, self.region = _open_core(profile, region)
        self.profile: str | None = profile or self.core.get_config_variable("profile")
        self.label = f"profile {self.profile!r}" if self.profile else "default AWS chain"
        if access_role:
            self.label = f"access role {access_role.arn}"
        # One login serves the profile and all roles that are assumed with it.
        source = open_caller(profile, None, region).credentials if access_role else None
        call = self.call("sts", "AssumeRole", self.region)
        self.credentials: Credentials = _load_credentials(self.core, call, access_role, source)
        found = ACCOUNT_OF_ROLE.match(access_role.arn) if access_role else None
        self.account: str | None = found[1] if found else None
        self.arn: str | None = None
        self.lock = threading.Lock()
        self.asking = threading.Lock()
        self.inquiries: dict[str, tuple[Future[str], float]] = {}

    def call(self, service: str, operation: str, region: str, endpoint: str = "") -> AWSCall:
        """Return what the table of errors needs to know of a call."""
        from .errors import AWSCall

        login = f"aws sso login --profile {self.profile}" if self.profile else "aws sso login"
        return AWSCall(service, operation, self.label, region, endpoint, login)

    def default_region(self) -> str | None:
        """Return the region that the AWS chain names for this profile."""
        # botocore does not read AWS_REGION, which containers and the other SDKs set.
        found: str | None = self.core.get_config_variable("region") or os.environ.get("AWS_REGION")
        return found


def _open_core(profile: str | None, region: str | None) -> tuple[botocore.session.Session, str]:
    import botocore.session
    from botocore.exceptions import BotoCoreError, ProfileNotFound

    from .errors import AWSCall, no_credentials, no_region, translate

    names = {"profile": (None, _profile_names(), None, None)}
    core = botocore.session.Session(profile=profile, session_vars=names)
    try:
        core.get_scoped_config()  # a profile that is not there is found out here, whatever else is set
        core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
        found = region or core.get_config_variable("region") or os.environ.get("AWS_REGION")
        mfa.prepare(core)
    except ProfileNotFound as error:
        profiles = ", ".join(known_profiles()) or "none"
        message = f"{str(error).rstrip('.')} (profiles found: {profiles})"
        raise no_credentials(message) from error
    except BotoCoreError as error:
        raise translate(error, AWSCall("sts", "GetCallerIdentity", "the AWS settings", "")) from error
    if not found:
        raise no_region()
    return core, found


@functools.cache
def _loader(data_path: str | None) -> Any:
    from botocore.loaders import create_loader

    return create_loader(data_path)


def _profile_names() -> list[str]:
    """Return the variables that name a profile; in an empty one botocore would look for a profile without a name."""
    return [name for name in ("AWS_DEFAULT_PROFILE", "AWS_PROFILE") if os.environ.get(name)]


def _load_credentials(
    core: botocore.session.Session, call: AWSCall, access_role: AccessRole | None, source: Credentials | None
) -> Credentials:
    """Return the credentials of the AWS chain, or those of an access role that is assumed with ``source``."""
    from botocore.exceptions import BotoCoreError, ClientError

    from .errors import no_credentials, translate

    if access_role and source:
        assumed = _assume(core, source, access_role, call.region)
        core._credentials = assumed  # botocore has no public way to give a session renewable credentials
        return assumed
    try:
        found: Credentials | None = core.get_credentials()
    except (BotoCoreError, ClientError) as error:
        raise translate(error, call) from error
    if found is None:
        message = f"No AWS credentials were found ({call.profile})"
        raise no_credentials(message)
    mfa.let_ask_again(found)
    return found


def _assume(core: botocore.session.Session, source: Credentials, role: AccessRole, region: str) -> Credentials:
    """Return credentials of ``role``, got at first use and renewed by botocore; a chain goes link by link."""
    from botocore.credentials import AssumeRoleCredentialFetcher

    from .own_role import AssumedOrOwn

    if role.via:
        source = _assume(core, source, role.via, region)
    extra: dict[str, Any] = {"RoleSessionName": role.session_name or _session_name()}
    if role.external_id:
        extra["ExternalId"] = role.external_id
    if role.session_tags:
        extra["Tags"] = [{"Key": key, "Value": value} for key, value in role.session_tags]

    def client(*names: Any, **settings: Any) -> Any:
        with client_making:
            return core.create_client(*names, region_name=region, **settings)

    fetcher = AssumeRoleCredentialFetcher(client, source, role.arn, extra)
    return AssumedOrOwn(fetcher.fetch_credentials, source, role, client)


def _session_name() -> str:
    """Return the user's name, so that CloudTrail of the other account shows who it was."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = "user"
    return SESSION_NAME.sub("-", f"jupyter-{name}")[:64]


client_making = threading.RLock()
"""Held while botocore makes a client, which is not thread-safe: sessions of several regions share a caller."""

_CallerKey = tuple[str | None, AccessRole | None, str]
_callers: dict[_CallerKey, Caller] = {}
_lock = threading.Lock()
# One thread makes a caller while others who want the same wait: a login, or an MFA code, is asked for once.
_making: dict[_CallerKey, threading.Lock] = {}


def open_caller(profile: str | None, access_role: AccessRole | None, region: str | None) -> Caller:
    """Return this process's caller for the two; raises as :class:`Caller` does."""
    key = (profile, access_role, surroundings(profile, region=""))
    with _lock:
        making = _making.setdefault(key, threading.Lock())
    with making:
        with _lock:
            caller = _callers.get(key)
        if caller is None:
            made = Caller(profile, access_role, region)
            with _lock:
                caller = _callers.setdefault(key, made)
    return caller


def forget_callers(profile: str | None = None, access_role: AccessRole | None = None, *, every: bool = False) -> None:
    """Drop one caller and its profile's (or all), so that the next call reads profiles and credentials anew."""
    with _lock:
        if every:
            _callers.clear()
        else:
            # With a role goes the login that it is assumed with: that may be what is over.
            for key in [key for key in _callers if key[0] == profile and key[1] in (access_role, None)]:
                del _callers[key]


def surroundings(profile: str | None, region: str | None) -> str:
    """Return a text that differs where AWS's variables lead the same profile and region to other computes.

    For what is kept, in a process or between processes: another ``AWS_PROFILE``, key or endpoint means another list.
    """
    names = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"]
    names += sorted(name for name in os.environ if name.startswith("AWS_ENDPOINT_URL"))
    if profile is None:
        names += ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN"]
    if region is None:
        names += ["AWS_REGION", "AWS_DEFAULT_REGION"]
    found = "\n".join(f"{name}={os.environ[name]}" for name in names if os.environ.get(name))
    return hashlib.sha256(found.encode("utf-8", "surrogateescape")).hexdigest()[:16] if found else ""
