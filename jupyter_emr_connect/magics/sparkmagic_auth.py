"""Our credentials for sparkmagic's own users: an authenticator that needs no secret in a file or on a line.

::

    {"authenticators": {"EMR": "jupyter_emr_connect.magics.sparkmagic_auth.EMRAuthenticator"}}   in its config.json
    %spark add -s etl -l python -t EMR -u https://ip-10-0-1-2.ec2.internal:8998                  in a cell

The compute and the runtime role are those that the notebook is attached to, or that ``EMR_CONNECT_COMPUTE`` and
``EMR_CONNECT_RUNTIME_ROLE`` name. sparkmagic is not imported here: it takes any class with these methods.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..config import EMRConnect, load_config
from ..errors import NotAttached
from ..gateway.event_loop import gateway_loop
from ..http.auth import HTTPRequest

if TYPE_CHECKING:
    from ..services.attachments.connect import LivyConnection

REFUSED = (401, 403)
SIGNED_HEADERS = ("Content-Type",)  # of sparkmagic's; requests adds and changes others later
AGAIN = "emr_connect_again"


class EMRAuthenticator:
    """One endpoint's authenticator (sparkmagic 0.21 to 0.23: ``sparkmagic.auth.customauth.Authenticator``).

    sparkmagic makes it with what was parsed of a line or of its configuration, whose ``url`` is the endpoint's, and
    ``requests`` calls it with each request, on the thread that runs cells. ``connect`` reaches the attached compute.
    """

    def __init__(
        self, parsed_attributes: Any = None, connect: Callable[[], LivyConnection] = lambda: connect_attached()
    ) -> None:
        self.url = "" if parsed_attributes is None else str(parsed_attributes.url)
        self._connect = connect

    @functools.cached_property
    def widgets(self) -> list[Any]:
        """What ``%manage_spark`` shows of it; it must be something, and nothing is to be typed."""
        text = "Address and credentials are those of the compute that this notebook is attached to."
        return [import_module("ipywidgets").HTML(text)]  # which sparkmagic brings

    @functools.cached_property
    def _connection(self) -> LivyConnection:
        return self._connect()

    def update_with_widget_values(self) -> None:
        """Take the endpoint of the attached compute; called by ``%manage_spark``, where nothing is to be typed."""
        self.url = self._connection.target.url

    def __call__(self, request: Any) -> Any:
        """Put credentials on a request (``requests.PreparedRequest``); raises errors of ours.

        None leaves for another server than the attached compute's Livy.
        """
        self._check(request.url)
        self._name_role(request)
        self._sign(request)
        request.register_hook("response", self._answered)
        return request

    def _check(self, url: str) -> None:
        target = self._connection.target
        if _origin(url) != _origin(target.url):
            message = f"{_shown(url)} is not the Livy of {target.label}, which this notebook is attached to."
            raise NotAttached(message, fix=f"Use -u {target.url}, or attach the notebook to the other compute.")

    def _name_role(self, request: Any) -> None:
        """Put the runtime role into a request for a session, where the compute takes it from there."""
        from ..services.attachments.handover import required_conf

        conf = required_conf(self._connection.compute.kind, self._connection.role)
        if conf and request.method == "POST" and urlsplit(request.url).path.rstrip("/").endswith("/sessions"):
            body = json.loads(request.body or "{}")
            body["conf"] = {**body.get("conf", {}), **conf}
            request.body = json.dumps(body).encode()
            request.headers["Content-Length"] = str(len(request.body))

    def _sign(self, request: Any) -> None:
        body = request.body or b""
        headers = {name: request.headers[name] for name in SIGNED_HEADERS if name in request.headers}
        plain = HTTPRequest(
            request.method, request.url, headers, body.encode() if isinstance(body, str) else bytes(body)
        )
        signed = gateway_loop().submit(self._connection.target.auth.prepare(plain)).result()
        request.headers.update(signed.headers)

    def _answered(self, response: Any, **options: Any) -> Any:
        """Ask once more with other credentials where these were refused; called by ``requests`` with each answer."""
        request = response.request
        if response.status_code not in REFUSED or getattr(request, AGAIN, False):
            return response
        refused = HTTPRequest(request.method, request.url, dict(request.headers))
        gateway_loop().submit(self._connection.target.auth.renew(refused)).result()
        response.content  # noqa: B018 - read to its end, so that the connection can be used again
        response.close()
        again = request.copy()
        setattr(again, AGAIN, True)
        self._sign(again)
        return response.connection.send(again, **options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EMRAuthenticator) and self.url == other.url

    def __hash__(self) -> int:
        return hash((self.url, type(self).__name__))


def connect_attached() -> LivyConnection:
    """Reach the Livy of the compute that this kernel's notebook, or its folder, is attached to; blocks.

    Raises as ``services.attachments.resolution.resolve`` and ``services.attachments.connect.connect``.
    """
    from ..services.attachments.connect import LivyConnection, connect
    from ..services.attachments.location import KernelLocation
    from ..services.attachments.resolution import resolve

    config = EMRConnect(config=load_config())
    name = os.environ.get("JPY_SESSION_NAME")
    location = KernelLocation(name) if name else KernelLocation(folder=str(Path.cwd()))
    attachment = replace(resolve(config, os.environ, location), transport="livy")
    connection = gateway_loop().submit(connect(config, attachment)).result()
    if not isinstance(connection, LivyConnection):
        raise TypeError
    return connection


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default


def _shown(url: str) -> str:
    """Return where a URL leads, without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
