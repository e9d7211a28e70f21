"""The AWS front as one WSGI application: the steps of a request in order, and the log."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from ..world.world import World
from . import backend, constraints, faults
from .authorize import authorize
from .failures import Down, FailureKind, Protocol, Refusal, Reply, render
from .identity import ANONYMOUS
from .incoming import MAX_BODY_BYTES, Incoming, locate, read
from .limits import TokenBuckets
from .protocol import operation_of, parameters, protocol_of, reply_of
from .registry import SERVICES
from .service import AWSContext, Call, Service
from .sigv4 import signature_of, verify
from .streams import check_stream

log = logging.getLogger(__name__)

DROPPED = 0
"""The status in the log of a call whose connection was dropped."""

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class AWSApplication:
    """The AWS front as a WSGI application: the services by SigV4 name, the context of their calls, and the API rates.

    ``clock`` gives seconds since the epoch; tests pass one that they turn by hand.
    """

    def __init__(self, world: World, clock: Callable[[], float]) -> None:
        self.services: Mapping[str, Service] = SERVICES
        self.buckets = TokenBuckets(clock)
        self.context = AWSContext.of(world, clock)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; WSGI's entry, called from any thread. Raises :class:`Down` to drop the connection."""
        request_id = str(uuid.uuid4())
        call = Call(self.context, Incoming("GET", "/", "", {}, b""), request_id)
        try:
            call.incoming = read(environ)
            reply = self._answer(call)
            faults.after(call)
        except Down:
            self._note(call, Reply(DROPPED, b""))
            raise
        except Refusal as refusal:
            reply = render(refusal, self._protocol(call), request_id)
        except Exception:
            # A defect of ours or moto's: the caller gets AWS's own 500 and no traceback.
            log.exception("The AWS front failed at %s %s", call.service, call.action)
            reply = render(Refusal(FailureKind.INTERNAL), self._protocol(call), request_id)
        self._note(call, reply)
        return _send(call, reply, start_response)

    def _answer(self, call: Call) -> Reply:
        """Take the request through every step; each raises :class:`Refusal` to end it."""
        incoming = call.incoming
        # Already before the signature is read, so that its refusal has the form of the service.
        call.service, call.region = locate(incoming, None)
        signed = signature_of(incoming)
        if signed:
            call.service, call.region = locate(incoming, (signed.region, signed.service))
        service = self.services.get(call.service)
        if service is None:
            raise Refusal(FailureKind.NOT_EMULATED, f"The sandbox does not emulate the service '{call.service[:40]}'.")
        if len(incoming.body) > MAX_BODY_BYTES and service.name != "s3":
            raise Refusal(FailureKind.TOO_LARGE)
        unknown = self._recognise(call, service)
        faults.before(call)
        if signed is None:
            if not service.anonymous:
                raise Refusal(FailureKind.MISSING_AUTH)
        else:
            key = call.aws.keys.find(signed.access_key)
            signature = verify(incoming, signed, key.secret, call.now + faults.clock_skew(call))
            check_stream(incoming, signed, key.secret, signature)
            call.principal = key.principal
            call.aws.keys.check_session(key, signed.token)
            faults.credentials(call)
        if unknown is not None:
            raise unknown
        return self._serve(call, service)

    def _recognise(self, call: Call, service: Service) -> Refusal | None:
        """Find operation and parameters; what is wrong with them is told only to a caller whose signature is right."""
        try:
            call.operation, found, request = operation_of(service, call.incoming)
            call.action = str(call.operation.name)
            call.params = parameters(call.operation, found, request)
            call.compute = service.compute(call) if call.params else None
            if service.strict:
                constraints.check(call.operation.input_shape, call.params)
        except Refusal as refusal:
            return refusal
        return None

    def _serve(self, call: Call, service: Service) -> Reply:
        self.buckets.take((call.account, call.region, service.name), service.rates, call.action)
        for check in service.checks(call):
            faults.authorization(call, check)
            authorize(call, check)
        handler = service.handlers.get(call.action)
        if handler is not None:
            return reply_of(call.operation, handler(call), call.request_id)
        if not service.moto:
            raise Refusal(FailureKind.NOT_EMULATED, f"The sandbox does not emulate {service.prefix}:{call.action}.")
        return service.answer(call) if service.answer else backend.answer(call, service.moto)

    def _note(self, call: Call, reply: Reply) -> None:
        who = call.principal.arn if call.principal is not ANONYMOUS else "-"
        call.aws.world.log.add(
            service=call.service or "-",
            action=call.action or "-",
            principal=who,
            status=reply.status,
            size=len(reply.body),
            region=call.region or "-",
        )

    def _protocol(self, call: Call) -> Protocol:
        """Return the protocol to refuse in; where the service is unknown, the request's own form tells."""
        service = self.services.get(call.service)
        if service is not None:
            return protocol_of(service)
        headers = call.incoming.headers
        if "x-www-form-urlencoded" in headers.get("content-type", ""):
            return "query"
        return "json" if "x-amz-target" in headers or not call.service else "rest-json"


def make_app(world: World, *, clock: Callable[[], float] = time.time) -> AWSApplication:
    """Return the AWS front of ``world`` as a WSGI callable; ``seed`` fills it.

    moto keeps its state per process: one process serves one world, and making a front forgets what moto held before.
    """
    from moto.core.base_backend import BackendDict

    BackendDict.reset()
    return AWSApplication(world, clock)


def _send(call: Call, reply: Reply, start_response: StartResponse) -> Iterable[bytes]:
    names = ("x-amz-request-id", "x-amz-id-2") if call.service == "s3" else ("x-amzn-RequestId",)
    headers = {name.lower(): (name, value) for name, value in reply.headers.items()}
    for name in names:
        headers[name.lower()] = (name, call.request_id)
    body = b"" if call.incoming.method == "HEAD" else reply.body
    if call.incoming.method != "HEAD" or "content-length" not in headers:
        headers["content-length"] = ("Content-Length", str(len(body)))
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "Unknown"
    start_response(f"{reply.status} {phrase}", list(headers.values()))
    return [body]
