"""The front door of EMR Serverless' Livy endpoints: AWS's own host names over TLS, SigV4, and a real Livy behind.

Only the calls that AWS documents are served (reference 3.3). A session runs as the user of the role that it names in
its ``conf``, and is seen by the principal that made it alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from yarl import URL

from ..aws.emr_serverless.applications import NOT_FOUND, QUOTA
from ..aws.failures import Refusal, render
from ..aws.incoming import Incoming
from ..aws.livy_access import admit, check_role, note
from ..aws.service import AWSContext, Call
from ..engines.layout import Installation
from ..engines.process import Engine
from ..engines.storage import PREFIX, session_conf, without_keys
from ..world.serverless import ApplicationSpec
from ..world.world import World, user_of_role
from .certificates import CertificateAuthority
from .door import Door, ServedPort
from .engine_slot import EngineSlot
from .livy import ALL, LivyCall, livy_start
from .proxy import WHOLE, read_small, request_headers, segments_of

log = logging.getLogger(__name__)

PORT, HTTPS_PORT = 8443, 443
INVALID, UNKNOWN = "ValidationException", "UnknownOperationException"
HOST = re.compile(r"(?P<application>[0-9a-z]+)\.livy\.emr-serverless-services\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")
ROLE = "emr-serverless.session.executionRoleArn"
KINDS = ("spark", "pyspark")
MOST_SESSIONS = 25  # at one time, of one application
# Method and the segments after /sessions; N is a number (reference 3.3).
ROUTES = {
    ("GET",),
    ("POST",),
    ("GET", "N"),
    ("DELETE", "N"),
    ("GET", "N", "state"),
    ("GET", "N", "statements"),
    ("POST", "N", "statements"),
    ("GET", "N", "statements", "N"),
    ("POST", "N", "statements", "N", "cancel"),
}


def host_pattern(region: str) -> str:
    """Return the pattern of the host names of a region's endpoints."""
    return f"*.livy.emr-serverless-services.{region}.amazonaws.com"


@dataclass(frozen=True)
class OwnedSession:
    """A session of an application: the principal that made it, and the user that it runs as."""

    application: str
    principal: str
    user: str


class ServerlessDoor(Door):
    """Answers for every application of one region; ``spec`` is the one by whose id faults strike it.

    Livy starts with the first request that AWS admits. ``aws`` returns the context of the AWS front, which starts after
    the doors; ``storage`` returns Spark's settings for S3 with credentials of a role (its ARN).
    """

    def __init__(
        self,
        world: World,
        spec: ApplicationSpec,
        installation: Installation,
        workdir: Path,
        aws: Callable[[], AWSContext],
        storage: Callable[[str], Mapping[str, str]],
    ) -> None:
        authority = CertificateAuthority("sandbox EMR Serverless")
        super().__init__(world, spec.id, spec.name, spec.address, spec.region, authority)
        self._good = authority.server_context([host_pattern(spec.region)])
        self._aws = aws
        self._storage = storage
        self._region = spec.region
        self._superuser = f"door-{secrets.token_hex(16)}"
        self._sessions: dict[int, OwnedSession] = {}
        self._has_https_port, self._opening = False, asyncio.Lock()
        start = livy_start(installation, spec.address, workdir / "livy", self._superuser)
        self.livy = EngineSlot("serverless livy", start, self._forget)

    @property
    def slots(self) -> dict[str, EngineSlot]:
        """Livy alone: an application has no gateway."""
        return {"livy": self.livy}

    def _wanted_ports(self) -> list[ServedPort]:
        return [ServedPort(self._answer, PORT, closed_by="no-livy")]

    async def serve_real_names(self) -> list[str]:
        """Listen on HTTPS' own port too, once; return ``address host`` for each application with a Livy endpoint.

        Called by ``sandbox hosts``; raises SandboxStartError when the port cannot be had (it needs root).
        """
        async with self._opening:
            if not self._has_https_port:
                await self._listen(ServedPort(self._answer, HTTPS_PORT, closed_by="no-livy"))
                self._has_https_port = True
        own = [spec for spec in self._world.applications.values() if spec.livy_endpoint_enabled]
        domain = host_pattern(self._region).removeprefix("*")
        return [f"{self.address} {spec.id}{domain}" for spec in own if spec.region == self._region]

    def _ended(self) -> bool:
        return False

    def _forget(self) -> None:
        self._sessions.clear()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request as AWS would: who it is first, then whether the call is there, then Livy."""
        body = await read_small(request)
        try:
            call, spec = await asyncio.to_thread(self._admit, request, body)
        except Refusal as refusal:
            return _refused(refusal)
        try:
            response = await self._serve(request, call, spec, body)
        except Refusal as refusal:
            response = _refused(refusal)
        note(call, response.status, response.content_length or 0)
        return response

    def _admit(self, request: web.BaseRequest, body: bytes) -> tuple[Call, ApplicationSpec]:
        host = HOST.fullmatch(request.headers.get("Host", "").partition(":")[0])
        if host is None or host["region"] != self._region:
            raise Refusal(NOT_FOUND, "No such endpoint.", status=404)
        path, _, query = request.raw_path.partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        incoming = Incoming(request.method, path, query, headers, body, secure=True)
        return admit(self._aws(), incoming, host["application"], self._region)

    async def _serve(self, request: web.BaseRequest, call: Call, spec: ApplicationSpec, body: bytes) -> web.Response:
        segments = segments_of(request.raw_path) or ()
        if not spec.livy_endpoint_enabled:
            raise Refusal(INVALID, f"Application {spec.id} has no Livy endpoint enabled.", status=400)
        shape = (request.method, *("N" if part.isdigit() else part for part in segments[1:]))
        if segments[:1] != ("sessions",) or shape not in ROUTES:
            raise Refusal(UNKNOWN, f"{request.method} {request.path} is not supported.", status=404)
        if spec.state != "STARTED":
            message = f"Application must be started before it is used: application {spec.id} is in {spec.state} state."
            raise Refusal(INVALID, message, status=400)
        engine = await self.livy.get()
        if shape == ("GET",):
            return await self._list(engine, call, spec)
        if shape == ("POST",):
            return await self._create(engine, request, call, spec, body)
        owned = self._sessions.get(int(segments[1]))
        if owned is None or (owned.application, owned.principal) != (spec.id, call.principal.arn):
            return web.json_response({"msg": f"Session '{segments[1]}' not found."}, status=404)
        answer = await self._passed(request, self._livy_call(engine, owned.user, segments), body)
        if request.method == "DELETE" and answer.status == web.HTTPOk.status_code:
            self._sessions.pop(int(segments[1]), None)
        return answer

    def _livy_call(self, engine: Engine, user: str, segments: tuple[str, ...]) -> LivyCall:
        return LivyCall(URL(engine.url), self._superuser, user, None, segments)

    async def _list(self, engine: Engine, call: Call, spec: ApplicationSpec) -> web.Response:
        url = self._livy_call(engine, self._superuser, ()).url("/sessions", {"from": "0", "size": str(ALL)})
        async with self._session.get(url, headers=WHOLE) as answer:
            views = (await answer.json(content_type=None))["sessions"]
        mine = [view for view in views if self._sessions.get(view["id"]) and self._is_of(view["id"], call, spec)]
        rows = [{**without_keys(view), "owner": view.get("proxyUser")} for view in mine]
        return web.json_response({"from": 0, "total": len(rows), "sessions": rows})

    def _is_of(self, number: int, call: Call, spec: ApplicationSpec) -> bool:
        owned = self._sessions[number]
        return (owned.application, owned.principal) == (spec.id, call.principal.arn)

    async def _create(
        self, engine: Engine, request: web.BaseRequest, call: Call, spec: ApplicationSpec, body: bytes
    ) -> web.Response:
        wanted = _wanted_session(body)
        role = wanted["conf"].pop(ROLE)
        await asyncio.to_thread(check_role, call, role)
        is_full = sum(owned.application == spec.id for owned in self._sessions.values()) >= MOST_SESSIONS
        if is_full or self._world.faults.hits("quota", spec.id):
            message = f"Application {spec.id} has {MOST_SESSIONS} sessions, as many as it may."
            raise Refusal(QUOTA, message, status=402)
        wanted["conf"] = session_conf(wanted["conf"], self._storage(role))
        user = user_of_role(role)
        answer = await self._passed(request, self._livy_call(engine, user, ("sessions",)), json.dumps(wanted).encode())
        if answer.status == web.HTTPCreated.status_code:
            number = json.loads(answer.text or "{}")["id"]
            self._sessions[number] = OwnedSession(spec.id, call.principal.arn, user)
            answer.headers["Location"] = f"/sessions/{number}"
        return answer

    async def _passed(self, request: web.BaseRequest, call: LivyCall, body: bytes) -> web.Response:
        """Return Livy's answer, without the name of its superuser and keys for S3."""
        url = call.url("/".join(("", *call.segments)), dict(request.query))
        headers = request_headers(request, {**WHOLE, "Content-Length": str(len(body))})
        async with self._session.request(request.method, url, headers=headers, data=body or None) as answer:
            made = (await answer.read()).replace(self._superuser.encode(), call.user.encode())
            if PREFIX.encode() in made:
                made = json.dumps(without_keys(json.loads(made))).encode()
            kind = answer.headers.get("Content-Type", "application/json")
            return web.Response(status=answer.status, body=made, headers={"Content-Type": kind})


def _wanted_session(body: bytes) -> dict[str, Any]:
    """Return the body of a creation; raises ``Refusal`` for what AWS would not take."""
    try:
        wanted = json.loads(body)
    except ValueError:
        raise Refusal(INVALID, "The body is no JSON.", status=400) from None
    if not isinstance(wanted, dict) or not isinstance(wanted.get("conf"), dict) or ROLE not in wanted["conf"]:
        raise Refusal(INVALID, f"The session's conf must have {ROLE}.", status=400)
    if wanted.get("kind") not in KINDS:
        raise Refusal(INVALID, f"The kind of a session is one of {', '.join(KINDS)}.", status=400)
    return wanted


def _refused(refusal: Refusal) -> web.Response:
    reply = render(refusal, "rest-json", "-")
    return web.Response(status=reply.status, body=reply.body, headers=dict(reply.headers))
