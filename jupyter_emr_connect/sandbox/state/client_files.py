"""The files that clients of a sandbox use, and the environment that leads to them."""

from __future__ import annotations

import configparser
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ..aws.policies import ACCESS_ROLES, PARTNER_ROLE
from ..aws.seed import Profile
from ..world.world import OTHER_ACCOUNT
from .folder import StateFolder

DEFAULT_PROFILE = "developer"
# These would win over the profile in botocore's chain, so a shell has to forget them.
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
UNSET = (*KEYS, "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
REAL_NAMES = "-real-names"
"""What the name of the configuration file without an endpoint ends with."""
OFFERED_ROLES = ("EMRAnalyst", "EMREngineer")


class ClientFiles:
    """Writes the AWS profile file, the Jupyter configuration and the CA certificates into the state folder.

    The profile file holds the keys of the emulated users: mode 0600, removed at ``down``, worth nothing afterwards.
    ``routes`` lead AWS's own host names here (``EMRConnect.routes``).
    """

    def __init__(
        self, folder: StateFolder, endpoint_url: str, region: str, routes: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._routes = routes
        self._folder = folder
        self._endpoint_url = endpoint_url
        self._region = region
        self._profile_file = folder.path / "aws"
        self._jupyter = folder.path / "jupyter"

    def write_profiles(self, profiles: Mapping[str, Profile]) -> None:
        """Write the AWS profile file, with the keys, and a configuration file without them and without the endpoint."""
        file, real_names = (configparser.ConfigParser(interpolation=None) for _ in range(2))
        for name, profile in profiles.items():
            settings = {
                "aws_access_key_id": profile.access_key,
                "aws_secret_access_key": profile.secret,
                "region": self._region,
            }
            # The one file serves as configuration (sections "profile x") and as credentials (sections "x"). An endpoint
            # among the credentials would count whatever the configuration says.
            file[f"profile {name}"] = {**settings, "endpoint_url": self._endpoint_url}
            file[name] = settings
            real_names[f"profile {name}"] = {"region": self._region}
        for target, content in ((self._profile_file.name, file), (self._profile_file.name + REAL_NAMES, real_names)):
            text = io.StringIO()
            content.write(text)
            self._folder.write(target, text.getvalue())

    def write_authority(self, name: str, pem: str) -> str:
        """Write the certificate of a private CA; returns its path."""
        return str(self._folder.write(f"ca/{name}.pem", pem))

    def write_jupyter(self, authorities: Mapping[str, str], roles: Sequence[str]) -> None:
        """Write the Jupyter configuration: whom to trust for which cluster, which roles to offer and to go through.

        The other account's computes are seen through its access role, and its runtime role is offered on them.
        """
        there = f"arn:aws:iam::{OTHER_ACCOUNT}:role"
        settings = {
            "certificate_authorities": dict(authorities),
            "runtime_roles": [*roles, {"arn": f"{there}/{PARTNER_ROLE}", "compute": "shared"}],
            "access_roles": [f"{there}/{ACCESS_ROLES[0]}"],
        }
        path = (self._jupyter / "jupyter_emr_connect_config.json").relative_to(self._folder.path)
        self._folder.write_json(str(path), {"EMRConnect": settings})

    def environment(self) -> dict[str, str]:
        """Return what a shell has to export; ``JUPYTER_CONFIG_PATH`` is the sandbox's part alone."""
        routes = ",".join(f"{host}={to}" for host, to in self._routes.items())
        return {
            "AWS_CONFIG_FILE": str(self._profile_file),
            "AWS_SHARED_CREDENTIALS_FILE": str(self._profile_file),
            "AWS_PROFILE": DEFAULT_PROFILE,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_REGION": self._region,
            "AWS_ENDPOINT_URL": self._endpoint_url,
            "JUPYTER_CONFIG_PATH": str(self._jupyter),
            **({"EMR_CONNECT_ROUTES": routes} if routes else {}),
        }


def with_real_names(environment: Mapping[str, str], ca_file: str) -> dict[str, str]:
    """Return the environment for clients that take AWS's own host names: with the CA, and no endpoint anywhere.

    Some clients build those names themselves, or refuse any other endpoint; the hosts file leads the names here.
    """
    own = {"AWS_CONFIG_FILE": environment["AWS_CONFIG_FILE"] + REAL_NAMES, "AWS_CA_BUNDLE": ca_file}
    kept = {name: value for name, value in environment.items() if name != "AWS_ENDPOINT_URL"}
    return {**kept, **own}


def missing_hosts(lines: Sequence[str], hosts_file: Path) -> list[str]:
    """Return those of the lines (``address name``) that the hosts file lacks; all of them when it cannot be read."""
    try:
        rows = [row.partition("#")[0].split() for row in hosts_file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):
        return list(lines)
    added = {(row[0], name) for row in rows if row for name in row[1:]}
    return [line for line in lines if tuple(line.split()) not in added]


def keys_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of the environment's profile as variables, read from its profile file."""
    file = configparser.ConfigParser(interpolation=None)
    file.read(environment["AWS_SHARED_CREDENTIALS_FILE"], encoding="utf-8")
    profile = file[environment["AWS_PROFILE"]]
    return {name: profile[name.lower()] for name in KEYS}


def in_front_of_mine(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment with ``JUPYTER_CONFIG_PATH`` put before the caller's own value."""
    mine = os.environ.get("JUPYTER_CONFIG_PATH", "")
    first = environment["JUPYTER_CONFIG_PATH"]
    rest = [folder for folder in mine.split(os.pathsep) if folder and folder != first]
    return {**environment, "JUPYTER_CONFIG_PATH": os.pathsep.join([first, *rest])}
