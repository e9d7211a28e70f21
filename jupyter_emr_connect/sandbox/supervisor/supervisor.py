"""The one process of a running sandbox: the AWS front, the front doors with their engines, and the control API.

Started by ``supervisor.start`` (which ``jupyter emr sandbox up`` calls), ended by ``sandbox down``, SIGTERM or SIGINT.
When it is killed, the engines' guards end everything below it, and the next ``up`` removes what it left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from ...errors import SandboxStartError
from ..engines.layout import Installation
from ..frontdoor.cluster import ClusterDoor
from ..frontdoor.door import Door
from ..frontdoor.endpoint import EndpointDoor
from ..frontdoor.livy_endpoint import LivyEndpointDoor
from ..frontdoor.serverless import PORT as SERVERLESS_PORT
from ..frontdoor.serverless import ServerlessDoor, host_pattern
from ..ports import DEFAULT_SUBNET, OTHER_SUBNETS, Subnet, claim_subnet
from ..state.client_files import OFFERED_ROLES, ClientFiles
from ..state.computes import computes_of
from ..state.folder import StateFolder
from ..world.listed import add_listed_computes
from ..world.livy_only import fill_livy_only
from ..world.world import PAIR_LIFETIME_S, ClusterSpec, World, fill_standard
from .aws_front import AWSFront
from .control_server import ControlServer, Verb
from .fault_switches import FaultSwitches

log = logging.getLogger(__name__)

FAULT_PERIOD_S = 0.2

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What ``sandbox up`` was asked for."""

    name: str = "default"
    gateway_version: str = "3.3.0"
    livy_home: Path | None = None
    pair_lifetime: float = PAIR_LIFETIME_S


class Supervisor:
    """One sandbox. ``run`` brings it up, waits until it is asked to stop, and takes it down."""

    def __init__(self, options: Options, installation: Installation, folder: StateFolder) -> None:
        self.world = World(options.name, lifetime=options.pair_lifetime)
        self._options = options
        self._installation = installation
        self._folder = folder
        self._doors: dict[str, Door] = {}
        # The doors are open before the AWS front is: until then no session gets credentials for S3.
        self._storage: Callable[[str], dict[str, str]] = lambda role_arn: {}
        self._stop = asyncio.Event()
        self.faults = FaultSwitches(self.world, self._doors)

    async def run(self, report: Report) -> None:
        """Bring all up, ``report`` each stage, wait for the end; raises SandboxStartError."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.request_stop)
        async with contextlib.AsyncExitStack() as stack:
            started = asyncio.create_task(self._start(stack, report))
            stopped = asyncio.create_task(self._stop.wait())
            await asyncio.wait([started, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not started.done():
                started.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await started
            else:
                started.result()
                report("ready")
            await self._follow_faults(stopped)
        log.info("down")

    def request_stop(self) -> None:
        """Take the sandbox down; called by signals, by the control API, and when the starting process has gone."""
        self._stop.set()

    def _verbs(self) -> dict[str, Verb]:
        """Return what the control API answers, by verb (``jupyter emr sandbox`` has a command for each)."""

        async def environment(_: dict[str, Any]) -> dict[str, str]:
            return self._files.environment()

        async def log_rows(body: dict[str, Any]) -> list[dict[str, Any]]:
            return self.world.log.since(float(body.get("since", 0.0)))

        async def down(_: dict[str, Any]) -> dict[str, bool]:
            self.request_stop()
            return {"stopping": True}

        return {
            # In a thread: a sandbox with thousands of computes takes its time, and the doors go on meanwhile.
            "status": lambda _: asyncio.to_thread(self._status),
            "env": environment,
            "fault": self.faults.command,
            "seed": self._seed,
            "log": log_rows,
            "hosts": self._hosts,
            "down": down,
        }

    async def _hosts(self, _: dict[str, Any]) -> dict[str, Any]:
        """Serve AWS's real host names, those of EMR Serverless' Livy endpoints too."""
        doors = [door for door in self._doors.values() if isinstance(door, ServerlessDoor)]
        authorities = [door.authority.pem for door in doors if door.authority]
        found = await asyncio.to_thread(self._aws.hosts, self._files, authorities)
        lines = [line for door in doors for line in await door.serve_real_names()]
        return {**found, "lines": [*found["lines"], *lines]}

    def _status(self) -> dict[str, Any]:
        """Return the contract's ``status``; called in a thread."""
        profiles = {
            name: {"arn": profile.arn, "access_key_id": profile.access_key}
            for name, profile in self._aws.profiles.items()
        }
        return {
            "name": self.world.name,
            "endpoint_url": self._aws.url,
            "region": self.world.region,
            "account": self.world.account,
            "profiles": profiles,
            "computes": computes_of(self.world),
            "roles": self._aws.roles,
            "buckets": self._aws.buckets,
            "engines": dict(self._installation.versions),
            "rss_mb": round(_rss() / 1e6, 1),
        }

    async def _seed(self, body: dict[str, Any]) -> dict[str, int]:
        """Add computes that are listed only (AWS lists and describes them, nothing runs at their address).

        Returns how many of each kind; raises ConfigurationError for numbers and regions that cannot be.
        """
        regions = [str(region) for region in body.get("regions") or [self.world.region]]
        wanted = {kind: int(body.get(kind) or 0) for kind in ("clusters", "applications", "endpoints")}
        added = add_listed_computes(self.world, wanted, regions, str(self._subnet.number))
        self._aws.cover(regions)
        return added

    async def _start(self, stack: contextlib.AsyncExitStack, report: Report) -> None:
        self._folder.clean()
        os.chdir(self._folder.path)
        self._subnet = self._choose_subnet()
        stack.callback(self._subnet.release)
        begun = time.monotonic()
        self._populate(str(self._subnet.number))
        report("front doors")
        stack.push_async_callback(self._close_doors)
        for door in self._make_doors():
            self._doors[door.compute] = door
            await door.open()
        # While moto is imported, which takes one core for a second or two, the engines start on the others.
        engines = asyncio.create_task(self._start_engines(), name="start engines")
        report("AWS front")
        self._aws = await asyncio.to_thread(AWSFront, self.world, self._subnet.address)
        stack.callback(self._aws.close)
        self._storage = self._aws.storage
        self._write_files()
        control = ControlServer(self._verbs(), self._folder.socket)
        await control.open()
        stack.push_async_callback(control.close)
        report("engines")
        await engines
        log.info("up after %.1f s, %.0f MB", time.monotonic() - begun, _rss() / 1e6)

    def _populate(self, subnet: str) -> None:
        """Put what every sandbox comes with into the world."""
        fill_standard(self.world, subnet)
        fill_livy_only(self.world, subnet)
        version = self._options.gateway_version
        for cluster in list(self.world.clusters.values()):
            self.world.clusters[cluster.id] = _with_version(cluster, version)
        for endpoint in list(self.world.endpoints.values()):
            self.world.endpoints[endpoint.id] = replace(endpoint, gateway_version=version)

    def _make_doors(self) -> list[Door]:
        """Return a door for each compute with engines; an endpoint's certificate is then known to AWS."""
        world, folder = self.world, self._folder.engines

        def storage(role_arn: str) -> dict[str, str]:
            return self._storage(role_arn)

        doors: list[Door] = [
            ClusterDoor(world, spec, self._installation, folder / spec.name, storage)
            for spec in world.clusters.values()
            if spec.engines
        ]
        for endpoint in [spec for spec in world.endpoints.values() if spec.engines]:
            where = folder / endpoint.name
            kind = LivyEndpointDoor if endpoint.type == "LIVY" else EndpointDoor
            door = kind(world, endpoint, self._installation, where, storage)
            world.endpoints[endpoint.id] = replace(endpoint, certificate=door.certificate)
            doors.append(door)
        for application in [spec for spec in world.applications.values() if spec.address]:
            doors.append(
                ServerlessDoor(
                    world, application, self._installation, folder / "serverless", lambda: self._aws.context, storage
                )
            )
        return doors

    async def _start_engines(self) -> None:
        """Start the engines of every cluster that is not lazy, at the same time; raises SandboxStartError."""
        eager = [door for door in self._doors.values() if isinstance(door, ClusterDoor) and not door.spec.lazy]
        await asyncio.gather(*(door.start_engines() for door in eager))

    async def _close_doors(self) -> None:
        """Close every door, with its engines, at the same time; raises the first failure once all are closed."""
        results = await asyncio.gather(*(door.close() for door in self._doors.values()), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _write_files(self) -> None:
        routes = {
            host_pattern(self.world.region): f"{door.address}:{SERVERLESS_PORT}"
            for door in self._doors.values()
            if isinstance(door, ServerlessDoor)
        }
        self._files = ClientFiles(self._folder, self._aws.url, self.world.region, routes)
        self._files.write_profiles(self._aws.profiles)
        # An endpoint's CA comes from AWS; a cluster's is for the user to name.
        authorities = {
            compute: self._files.write_authority(door.name, door.authority.pem)
            for compute, door in self._doors.items()
            if door.authority and isinstance(door, ClusterDoor | ServerlessDoor)
        }
        roles = [arn for arn in self._aws.roles if arn.rsplit("/", 1)[-1] in OFFERED_ROLES]
        self._files.write_jupyter(authorities, roles)

    def _choose_subnet(self) -> Subnet:
        """Return our subnet; a port that is taken on the default one is found, and named, by who listens on it."""
        if self._options.name == "default":
            try:
                return Subnet(DEFAULT_SUBNET)
            except OSError as error:
                message = f"The loopback addresses 127.0.{DEFAULT_SUBNET}.x belong to another sandbox."
                raise SandboxStartError(message, fix="End that one, or take another name: --name OTHER.") from error
        subnet = claim_subnet(OTHER_SUBNETS)
        if subnet is None:
            message = "No loopback subnet is free for another sandbox."
            raise SandboxStartError(message, fix="End one with `jupyter emr sandbox down --name NAME`.")
        return subnet

    async def _follow_faults(self, stopped: asyncio.Task[bool]) -> None:
        """Let the doors follow faults that end by themselves, until the sandbox is asked to stop."""
        while not stopped.done():
            await asyncio.wait([stopped], timeout=FAULT_PERIOD_S)
            if not stopped.done():
                try:
                    await self.faults.apply()
                except SandboxStartError as error:  # somebody has taken the port of a door that was closed
                    log.warning("a front door cannot follow its faults: %s", error)


def _with_version(spec: ClusterSpec, gateway_version: str) -> ClusterSpec:
    return replace(spec, gateway_version=gateway_version) if spec.engines else spec


def _rss() -> int:
    """Return the resident memory of this process and everything below it, in bytes."""
    me = psutil.Process()
    total = 0
    for process in [me, *me.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total
