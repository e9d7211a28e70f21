"""Where hosts are to be reached in truth: the setting, and what the environment adds to it."""

from __future__ import annotations

import os

from ...config import EMRConnect
from ...errors import ConfigurationError
from ...http.resolver import Routes

VARIABLE = "EMR_CONNECT_ROUTES"


def routes_of(config: EMRConnect) -> Routes:
    """Return the routes of ``EMRConnect.routes`` and ``EMR_CONNECT_ROUTES``; the setting's come first.

    Called by ``connect``. Raises ``ConfigurationError`` for what is no route.
    """
    added = [part.partition("=") for part in os.environ.get(VARIABLE, "").split(",") if part.strip()]
    routes = {
        **config.routes,
        **{name.strip(): to.strip() for name, _, to in added if name.strip() not in config.routes},
    }
    for name, to in routes.items():
        host, _, port = to.rpartition(":")
        if not name or not host or not port.isdigit() or not 0 < int(port) < 65536:
            message = f"{name}={to} is no route: it says not to which host and port."
            fix = f"Write EMRConnect.routes as {{'host[:port]': 'host:port'}}, {VARIABLE} as host[:port]=host:port."
            raise ConfigurationError(message, fix=fix)
    return routes
