"""Where computes are listed from: AWS profiles, regions and access roles, as configured or asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...aws.callers import surroundings
from ...aws.session import AWSSession, open_session
from ...config import EMRConnect
from ...errors import ConfigurationError, MalformedRole
from ...models import AccessRole, check_role_arn

KNOWN = frozenset({"arn", "external_id", "session_name", "session_tags", "via", "profile", "regions"})


@dataclass(frozen=True)
class Source:
    """One caller in one region; ``None`` leaves the choice to the AWS chain."""

    profile: str | None = None
    region: str | None = None
    access_role: AccessRole | None = None

    @property
    def key(self) -> str:
        """A text that names the source in the state file, where other surroundings lead to other computes."""
        role = self.access_role.arn if self.access_role else ""
        return "|".join((self.profile or "", self.region or "", role, surroundings(self.profile, self.region)))

    def session(self) -> AWSSession:
        """Return the AWS session; blocks. Raises ``NoRegion``, ``NoCredentials``, ``CredentialsExpired``."""
        return open_session(self.profile, self.region, self.access_role)


def list_sources(config: EMRConnect, profiles: Sequence[str] = (), regions: Sequence[str] = ()) -> list[Source]:
    """Return the sources for what the user named, else for what is configured, else the AWS chain's own choice.

    Each profile with each region, then each access role with its own regions (or those). No network. Raises
    ``ConfigurationError`` and ``MalformedRole`` for access roles that cannot be used.
    """
    callers = tuple(profiles) or tuple(config.profiles) or (config.profile or None,)
    places = tuple(regions) or tuple(config.regions) or (None,)
    found = [Source(profile, region) for profile in callers for region in places]
    for entry, role in _entries(config.access_roles):
        own = entry.get("profile")
        if profiles and own and own not in profiles:
            continue
        wanted = tuple(regions) or tuple(entry.get("regions") or ()) or places
        found += [Source(own or callers[0], region, role) for region in wanted]
    return list(dict.fromkeys(found))


def access_role(config: EMRConnect, arn: str | None) -> AccessRole | None:
    """Return the configured access role of this ARN, or a plain one where none is configured; None without an ARN."""
    if not arn:
        return None
    by_arn = {role.arn: role for _, role in _entries(config.access_roles)}
    return by_arn.get(arn) or AccessRole(check_role_arn(arn))


def _entries(configured: Iterable[str | Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], AccessRole]]:
    entries = [{"arn": one} if isinstance(one, str) else one for one in configured]
    by_arn = {str(entry.get("arn", "")): entry for entry in entries}
    return [(entry, _role(entry, by_arn, ())) for entry in entries]


def _role(entry: Mapping[str, Any], by_arn: Mapping[str, Mapping[str, Any]], seen: tuple[str, ...]) -> AccessRole:
    arn = str(entry.get("arn", ""))
    if unknown := set(entry) - KNOWN:
        message = f"The access role {arn!r} has settings that are not known: {', '.join(sorted(map(str, unknown)))}."
        raise ConfigurationError(message, fix=f"Use {', '.join(sorted(KNOWN))} (EMRConnect.access_roles).")
    try:
        check_role_arn(arn)
    except MalformedRole as error:
        message = f"An access role in EMRConnect.access_roles has no good ARN: {error.message}"
        raise ConfigurationError(message, fix=error.fix) from error
    if arn in seen:
        message = f"The access role {arn} leads to itself through `via`."
        raise ConfigurationError(message, fix="Correct `via` in EMRConnect.access_roles.")
    via = entry.get("via")
    return AccessRole(
        arn,
        external_id=_text(entry, "external_id"),
        session_name=_text(entry, "session_name"),
        session_tags=_tags(entry.get("session_tags") or {}, arn),
        via=_role(_via(via, by_arn), by_arn, (*seen, arn)) if via else None,
    )


def _via(via: object, by_arn: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the settings of the role before: given in place, or those of a configured one of this ARN."""
    return via if isinstance(via, Mapping) else by_arn.get(str(via), {"arn": str(via)})


def _text(entry: Mapping[str, Any], name: str) -> str | None:
    value = entry.get(name)
    return str(value) if value else None


def _tags(tags: object, arn: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(tags, Mapping):
        message = f"`session_tags` of the access role {arn} is not a mapping of names to values."
        raise ConfigurationError(message, fix="Write it as {'team': 'data'} (EMRConnect.access_roles).")
    return tuple(sorted((str(key), str(value)) for key, value in tags.items()))
