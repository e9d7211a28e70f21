"""The AWS front as the supervisor holds it: its server, its profiles, and AWS's real host names on request."""

from __future__ import annotations

import os
import threading
from typing import Any

from ...errors import SandboxStartError
from ..aws.app import AWSApplication, make_app
from ..aws.emr.render import INSTANCE_PROFILE
from ..aws.identity import find_role, session_of
from ..aws.policies import PARTNER_BUCKET
from ..aws.registry import SERVICES
from ..aws.seed import BUCKETS, Profile, put_security, role_arns, seed
from ..aws.server import ServerHandle, serve
from ..aws.service import AWSContext
from ..engines.storage import s3_settings
from ..frontdoor.certificates import CertificateAuthority
from ..ports import AWS_PORT, is_free, who_listens
from ..state.client_files import ClientFiles
from ..world.world import World

HTTPS_PORT = 443
STORAGE_KEY_S = 7 * 86_400
"""How long a Spark session reaches S3; EMR renews its sessions' credentials, here they outlast any sandbox."""
PRIVILEGED_PORTS = 1024


class AWSFront:
    """The running AWS front of one sandbox, at ``url``; ``profiles`` hold secrets."""

    def __init__(self, world: World, address: str) -> None:
        self._world = world
        self._address = address
        self._application: AWSApplication = make_app(world)
        self.profiles: dict[str, Profile] = seed(world)
        self._servers: list[ServerHandle] = [serve(self._application, address, _free(address, AWS_PORT))]
        self._hosts: dict[str, Any] | None = None
        self._lock = threading.Lock()

    @property
    def context(self) -> AWSContext:
        """What calls work on: for front doors that check signatures themselves."""
        return self._application.context

    @property
    def url(self) -> str:
        """The endpoint for AWS clients."""
        return self._servers[0].url

    @property
    def roles(self) -> list[str]:
        """The ARNs of the runtime roles."""
        return role_arns(self._world)

    @property
    def buckets(self) -> list[str]:
        """The buckets that the sandbox comes with."""
        return list(BUCKETS)

    def hosts(self, files: ClientFiles, others: list[str]) -> dict[str, Any]:
        """Serve AWS's real host names over HTTPS; returns ``{"lines": [for /etc/hosts], "ca_file", "address"}``.

        ``others`` are the CAs of doors with names of AWS's own, which the file has too. The listener starts with the
        first call. Raises SandboxStartError when port 443 cannot be had (it needs root).
        """
        with self._lock:
            if self._hosts is None:
                names = host_names(self._world)
                authority = CertificateAuthority(f"sandbox {self._world.name} AWS")
                port = _free(self._address, HTTPS_PORT)
                self._servers.append(serve(self._application, self._address, port, tls=authority.server_context(names)))
                self._hosts = {
                    "address": self._address,
                    "ca_file": files.write_authority("aws", "".join([authority.pem, *others])),
                    "lines": [f"{self._address} {name}" for name in names if "*" not in name],
                }
            return self._hosts

    def storage(self, role_arn: str) -> dict[str, str]:
        """Return Spark's settings for S3 with credentials of a role; empty: those of the clusters' instance profile.

        Called by the front doors for each Livy session; returns nothing for a role that is not there.
        """
        role = find_role(role_arn or f"arn:aws:iam::{self._world.account}:role/{INSTANCE_PROFILE}")
        if role is None:
            return {}
        key = self._application.context.keys.issue(session_of(role, "spark"), STORAGE_KEY_S)
        return s3_settings(self.url, self._world.region, key.id, key.secret, key.token or "")

    def cover(self, regions: list[str]) -> None:
        """Give the sandbox's account its security configurations in these regions too."""
        for region in regions:
            put_security(self._world, self._world.account, region)

    def close(self) -> None:
        """Stop serving."""
        for server in self._servers:
            server.stop()


def host_names(world: World) -> list[str]:
    """Return the host names of AWS that the sandbox answers for: each service's, in all forms, and the buckets'."""
    region = world.region
    names = [f"{service.name}.{region}.amazonaws.com" for service in SERVICES.values()]
    # EMR's older form, and the global names of services that have some.
    names += [f"{region}.elasticmapreduce.amazonaws.com"]
    names += [f"{service}.amazonaws.com" for service in ("iam", "sts", "s3")]
    for suffix in (f"s3.{region}.amazonaws.com", "s3.amazonaws.com"):
        names += [f"{bucket}.{suffix}" for bucket in ("*", *BUCKETS, PARTNER_BUCKET)]
    return names


def _free(address: str, port: int) -> int:
    """Return the port; raises SandboxStartError that names who holds it."""
    if is_free(address, port):
        return port
    holder = who_listens(address, port)
    if not holder and port < PRIVILEGED_PORTS and os.geteuid() != 0:
        message = f"{address}:{port} cannot be listened on: ports below {PRIVILEGED_PORTS} need root."
        fix = f"Start the sandbox as root, or run `sudo sysctl net.ipv4.ip_unprivileged_port_start={port}` first."
        raise SandboxStartError(message, fix=fix)
    message = f"{address}:{port} is in use by {holder}." if holder else f"{address}:{port} cannot be listened on."
    raise SandboxStartError(message, fix="Stop that process, or take another address: --name OTHER.")
