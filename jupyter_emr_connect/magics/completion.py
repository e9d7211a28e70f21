"""Tab completion of ``%emr``: verbs, options, computes, roles and sessions, from what is known at once."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..config import EMRConnect
from ..errors import EMRConnectError
from ..executors import AWS
from .options import MagicParser
from .verbs import VERBS, Verb

WITHIN_S = 0.15  # who types is not held up for longer
READ_WITHIN_S = 10.0
COMPUTE_VERBS = ("attach", "show", "roles")
SESSION_VERBS = ("detach", "restart", "ui", "logs")


@dataclass
class Reading:
    """What was read last, and the reading that is under way."""

    values: list[str] = field(default_factory=list)
    running: concurrent.futures.Future[list[str]] | None = None


class Completer:
    """Completes the lines of ``%emr`` in one kernel; ``session_names`` gives the names of the attached sessions."""

    def __init__(
        self,
        config: Callable[[], EMRConnect],
        session_names: Callable[[], list[str]],
        verbs: Mapping[str, Verb] = VERBS,
    ) -> None:
        self._config = config
        self._verbs = verbs
        self._session_names = session_names
        self._computes, self._roles = Reading(), Reading()

    def __call__(self, shell: Any, event: Any) -> list[str]:
        """Return what may follow; called by IPython on Tab with the line up to the cursor in ``event``."""
        return self.matches(str(event.line), str(event.symbol))

    def matches(self, line: str, text: str) -> list[str]:
        """Return what may stand in place of ``text`` at the end of a line."""
        words = line.removesuffix(text).split()
        if len(words) < 2:
            return [name for name in self._verbs if name.startswith(text)]
        if words[1] not in self._verbs:
            return []
        return [value for value in self._values(words[1], words[-1], text) if value.startswith(text)]

    def _values(self, verb: str, before: str, text: str) -> list[str]:
        """Return what may stand after the word ``before``."""
        parser = MagicParser(prog="%emr")
        self._verbs[verb].options(parser)
        options = {name: action for action in parser._actions for name in action.option_strings}
        if text.startswith("-"):
            return list(options)
        action = options.get(before)
        if action is not None and action.nargs != 0:
            if action.dest in ("role", "explain"):
                return self._known(self._roles, _read_roles)
            return list(action.choices or ())
        if verb in COMPUTE_VERBS:
            return self._known(self._computes, _read_computes)
        return self._session_names() if verb in SESSION_VERBS else []

    def _known(self, reading: Reading, read: Callable[[EMRConnect], list[str]]) -> list[str]:
        """Return what ``read`` gives within a moment, else what it gave before, and that next time."""
        if reading.running is None:
            reading.running = AWS.submit(lambda: read(self._config()))
        try:
            reading.values = reading.running.result(WITHIN_S)
        except (concurrent.futures.TimeoutError, asyncio.TimeoutError):
            return reading.values
        except EMRConnectError:
            pass
        reading.running = None
        return reading.values


def _read_computes(config: EMRConnect) -> list[str]:
    """Return names and ids of computes: of the last list that was read on this computer, or else of a new one."""
    from ..services.compute.catalogue import LiveCatalogue, Query
    from ..services.compute.catalogue.reading import read_all

    catalogue = LiveCatalogue(config)
    try:
        rows = catalogue.view(Query()).items or read_all(catalogue, Query(), within_s=READ_WITHIN_S).items
    finally:
        catalogue.close()
    return [text for row in rows for text in (row.name, row.id)]


def _read_roles(config: EMRConnect) -> list[str]:
    """Return names and ARNs of the roles that are configured or were used before."""
    from ..services.roles import list_roles

    return [text for role in list_roles(config).items for text in (role.name, role.arn)]
