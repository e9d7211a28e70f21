"""What a Spark session on Livy is created with: the administrator's settings, the user's, and what must be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .client import View

OWN = ("kind", "name")  # of each session that is ours: what it is found by again


@dataclass(frozen=True)
class SessionSettings:
    """The settings of one compute, as the JSON of Livy's ``POST /sessions``.

    ``defaults`` are the administrator's (``EMRConnect.session_settings``); ``required`` is what ``conf`` must have,
    whatever anybody says.
    """

    defaults: View = field(default_factory=dict)
    required: Mapping[str, str] = field(default_factory=dict)

    def body(self, chosen: View) -> View:
        """Return what a session is created with, beside its kind and name, where the user has ``chosen`` settings.

        The user's go before the administrator's, those of ``conf`` one by one; null takes one of these away.
        """
        return merge_settings(self.defaults, chosen, {"conf": dict(self.required)} if self.required else {})

    def from_administrator(self, chosen: View) -> list[str]:
        """Return the names of the administrator's settings that hold beside the user's."""
        defaults, named = merge_settings(self.defaults), chosen.get("conf") or {}
        plain = [name for name in defaults if name != "conf" and name not in chosen]
        conf = [name for name in defaults.get("conf", {}) if name not in named and name not in self.required]
        return [*plain, *conf]


def merge_settings(*layers: View) -> View:
    """Return the settings of all layers, the later before the earlier; ``conf`` is merged by its own names."""
    merged: View = {}
    conf: View = {}
    for layer in layers:
        merged.update({name: value for name, value in layer.items() if name not in ("conf", *OWN)})
        if isinstance(layer.get("conf"), Mapping):
            conf.update(layer["conf"])
    kept = {name: value for name, value in conf.items() if value is not None}
    return {**{name: value for name, value in merged.items() if value is not None}, **({"conf": kept} if kept else {})}
