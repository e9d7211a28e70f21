"""Switches faults on and off, for the AWS front and for the front doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import ConfigurationError
from ..aws.registry import SERVICES
from ..frontdoor.door import Door
from ..frontdoor.gateway_door import GatewayDoor
from ..world.world import World

LASTING = {
    "throttle": "AWS calls are throttled",
    "deny": "AWS calls (deny:ACTION: that one) are denied",
    "down": "AWS calls find their connection closed without an answer",
    "lost-answer": "AWS calls are carried out and find their connection closed without an answer",
    "expire-credentials": "the callers' AWS credentials count as expired; pairs and tokens expire at once",
    "slow": "AWS calls and the computes' ports (slow:MILLISECONDS) answer late",
    "error-500": "AWS calls and the computes' ports answer 500",
    "error-429": "the computes' ports answer 429",
    "hang-statements": "Livy's answers about a statement (GET) do not come",
    "strip-charset": "what Livy is sent no longer says its charset, as behind some proxies",
    "quota": "EMR Serverless starts neither an application nor a session: a quota is used up",
    "clock-skew": "the callers' clocks count as 20 minutes (clock-skew:SECONDS) slow",
    "black-hole": "the computes' ports take connections and answer nothing; open sockets fall silent",
    "html": "the computes' ports answer an HTML page",
    "no-gateway": "the gateways' port (18888) is closed",
    "no-livy": "port 8998 is closed",
    "bad-certificate": "the computes' ports show a certificate for another host",
}
"""The faults that last until they are switched off, and what then happens where."""
ONCE = {
    "expire-pairs": "all Basic pairs given out so far expire",
    "expire-tokens": "all tokens of EMR on EKS endpoints given out so far expire",
    "cut-sockets": "every connection to the computes' ports is dropped",
    "kill-gateway": "the gateways are killed",
    "kill-kernel": "the gateways' kernels are killed",
    "kill-livy": "the Livy servers are killed",
    "kill-session": "the drivers of Livy's sessions are killed, as where their memory is used up",
}
"""The faults that are done once."""
UNITS = {"slow": "milliseconds", "clock-skew": "seconds"}
"""What the number behind a fault's name counts."""
NARROWING = ("service", "region", "action")
"""What narrows a fault of AWS's answers: SigV4 name, region, operation."""
OF_AWS = ("throttle", "deny", "down", "lost-answer", "expire-credentials", "slow", "error-500", "clock-skew")
"""The faults of AWS's answers; narrowed ones concern those alone."""


def _kill_kernels(door: Door) -> int:
    """Kill the kernels of a door's gateway, if it has one; returns how many."""
    return door.gateway.kill_children() if isinstance(door, GatewayDoor) else 0


def _kill_drivers(door: Door) -> int:
    """Kill what a door's Livy runs, if it has one; returns how many."""
    livy = door.slots.get("livy")
    return livy.kill_children() if livy else 0


class FaultSwitches:
    """Switches the faults of one sandbox, as the control API asks; called on the supervisor's loop."""

    def __init__(self, world: World, doors: Mapping[str, Door]) -> None:
        self._world = world
        self._doors = doors
        world.faults.actions.update(
            {
                "expire-pairs": world.pairs.expire,
                "expire-tokens": self._expire_tokens,
                "cut-sockets": self._each(lambda door: door.cut_sockets()),
                "kill-gateway": self._each(lambda door: door.kill("gateway")),
                "kill-kernel": self._each(_kill_kernels),
                "kill-livy": self._each(lambda door: door.kill("livy")),
                "kill-session": self._each(_kill_drivers),
            }
        )

    async def command(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Do what ``sandbox fault`` asked for; returns ``{"name","on","hit","active"}``.

        Raises ConfigurationError for an unknown fault or compute.
        """
        name = str(body.get("fault") or "")
        compute = self._compute(body.get("compute"))
        options = _options(body.get("options") or {})
        hit = 0
        if name:
            self._check(name)
            if options and name.partition(":")[0] not in OF_AWS:
                message = f"{name} does not strike AWS's answers, so no {', '.join(options)} can narrow it."
                raise ConfigurationError(message, fix=f"Those that can be narrowed: {', '.join(OF_AWS)}.")
        if body.get("off"):
            self._world.faults.clear(name or None, compute, options)
        elif name in ONCE:
            hit = self._world.faults.actions[name](compute)
        elif name:
            if name == "expire-credentials" and not options:
                hit = self._world.pairs.expire(compute) + self._expire_tokens(compute)
            seconds, rate = body.get("seconds"), float(body.get("rate", 1.0))
            self._world.faults.set(name, rate=rate, seconds=seconds, compute=compute, options=options)
        await self.apply()
        return {"name": name, "on": not body.get("off") and name not in ONCE, "hit": hit, "active": self.active()}

    async def apply(self) -> None:
        """Let the doors follow the faults that are on now; called after each change and a few times a second."""
        for door in self._doors.values():
            await door.apply_faults()

    def active(self) -> list[dict[str, Any]]:
        """Return the lasting faults that are on."""
        return [
            {
                "name": f"{fault.name}:{fault.argument}" if fault.argument else fault.name,
                "rate": fault.rate,
                "compute": fault.compute,
                "options": fault.options,
                "until": fault.until,
            }
            for fault in self._world.faults.active()
        ]

    def _each(self, action: Callable[[Door], int]) -> Callable[[str | None], int]:
        def on_doors(compute: str | None) -> int:
            return sum(action(door) for key, door in self._doors.items() if compute in (None, key))

        return on_doors

    def _expire_tokens(self, compute: str | None) -> int:
        # A token is for an endpoint, whose compute is named <virtual cluster>/<endpoint>.
        return self._world.tokens.expire(compute.rpartition("/")[2] if compute else None)

    def _compute(self, text: object) -> str | None:
        if not text:
            return None
        found = self._world.compute(str(text))
        if found:
            return found
        names = ", ".join(door.name for door in self._doors.values())
        message = f"The sandbox has no compute {str(text)!r}, or several of this name."
        raise ConfigurationError(message, fix=f"Those with engines are {names}.")

    @staticmethod
    def _check(name: str) -> None:
        base, _, argument = name.partition(":")
        if (unit := UNITS.get(base)) and argument and not argument.isdigit():
            message = f"{argument!r} is not a number of {unit}."
            raise ConfigurationError(message, fix=f"Write it as {base}:200.")
        if base not in LASTING and name not in ONCE:
            message = f"There is no fault {name!r}."
            raise ConfigurationError(message, fix=f"Faults: {', '.join([*LASTING, *ONCE])}.")


def _options(given: Mapping[str, Any]) -> dict[str, str]:
    """Return what narrows a fault of AWS's answers; raises ConfigurationError for what is none of it."""
    options = {str(key): str(value) for key, value in given.items() if value}
    unknown = sorted(options.keys() - NARROWING)
    if unknown:
        message = f"A fault cannot be narrowed by {', '.join(unknown)}."
        raise ConfigurationError(message, fix=f"It can be by {', '.join(NARROWING)}.")
    service = options.get("service")
    if service is not None and service not in SERVICES:
        message = f"The sandbox does not emulate the service {service!r}."
        raise ConfigurationError(message, fix=f"Its services are {', '.join(SERVICES)}.")
    return options
