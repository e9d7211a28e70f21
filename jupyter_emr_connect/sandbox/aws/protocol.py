"""From the wire to parameters and back, driven by botocore's service models through moto's routers and parsers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from .failures import FailureKind, Protocol, Refusal, Reply
from .incoming import Incoming
from .service import Service


def protocol_of(service: Service | None) -> Protocol:
    """Return the service's wire protocol; unknown services are answered in JSON."""
    if service is None:
        return "json"
    from moto.core.utils import get_service_model

    return str(get_service_model(service.model).protocol)


def moto_request(incoming: Incoming) -> Any:
    """Return the request as moto's routers and parsers want it."""
    from moto.core.request import Request

    scheme = "https" if incoming.secure else "http"
    host = incoming.headers.get("host", "localhost")
    query = f"?{incoming.query}" if incoming.query else ""
    request = Request.from_primitives(
        incoming.method, f"{scheme}://{host}{incoming.path}{query}", dict(incoming.headers), incoming.body
    )
    request.environ["RAW_URI"] = f"{incoming.path}{query}"
    return request


def operation_of(service: Service, incoming: Incoming) -> tuple[Any, dict[str, Any], Any]:
    """Return (operation, path parameters, moto's request); raises :class:`Refusal` when there is no such operation."""
    from moto.core.routing import get_service_router
    from werkzeug.exceptions import NotFound

    request = moto_request(incoming)
    try:
        operation, found = get_service_router(service.model).match(request)
    except (NotFound, NotImplementedError):
        raise Refusal(FailureKind.UNKNOWN_OPERATION, _unknown(service, incoming)) from None
    return operation, found, request


def _unknown(service: Service, incoming: Incoming) -> str:
    form = incoming.form if protocol_of(service) == "query" else {}
    if form:
        return f"Could not find operation {form.get('Action', '')[:80]} for version {form.get('Version', '')[:20]}"
    return ""


def parameters(operation: Any, found: dict[str, Any], request: Any) -> dict[str, Any]:
    """Return the operation's parameters, checked against its model; raises :class:`Refusal` when they do not fit."""
    from moto.core.parse import PROTOCOL_PARSERS, RequestParserError

    protocol = str(operation.service_model.protocol)
    if protocol == "json":
        _validate(operation, _json_object(request.data))
    values: Any = {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": request.data or b"{}" if "json" in protocol else request.data,
        "url_path": request.path,
        "url_params": found,
    }
    try:
        parsed: dict[str, Any] = PROTOCOL_PARSERS[protocol](operation).parse(values)
    except (RequestParserError, ValueError, TypeError, AttributeError, KeyError, RuntimeError, OverflowError):
        raise Refusal(FailureKind.MALFORMED_BODY) from None
    parsed = {name: value for name, value in (parsed or {}).items() if _is_given(operation, name, value)}
    if protocol != "json":
        _validate(operation, parsed)
    return parsed


def _is_given(operation: Any, name: str, value: Any) -> bool:
    """Whether the caller gave this parameter: moto's parser makes empty lists of query parameters that are absent."""
    location = operation.input_shape.members[name].serialization.get("location")
    return value is not None and (bool(value) or value in (False, 0, "") or location not in ("querystring", "headers"))


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise Refusal(FailureKind.MALFORMED_BODY) from None
    if not isinstance(value, dict):
        raise Refusal(FailureKind.MALFORMED_BODY, "Start of structure or map found where not expected.")
    return value


def _validate(operation: Any, values: Mapping[str, Any]) -> None:
    from botocore.validate import ParamValidator

    if operation.input_shape is None:
        return
    try:
        report = ParamValidator().validate(_known(values, operation.input_shape), operation.input_shape)
    except (TypeError, ValueError, AttributeError, RecursionError, RuntimeError, OverflowError):
        raise Refusal(FailureKind.MALFORMED_BODY) from None
    if not report.has_errors():
        return
    text = report.generate_report()
    kind = FailureKind.MALFORMED_BODY if "Invalid type" in text else FailureKind.INVALID_PARAMETER
    raise Refusal(kind, f"1 validation error detected: {text.splitlines()[0]}"[:300])


def _known(value: Any, shape: Any) -> Any:
    """Return the value without members that the model does not know, which AWS ignores."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return {name: _known(each, shape.members[name]) for name, each in value.items() if name in shape.members}
    if shape.type_name == "list" and isinstance(value, list):
        return [_known(each, shape.member) for each in value]
    return value


def reply_of(operation: Any, result: Mapping[str, Any], request_id: str) -> Reply:
    """Return the answer to an operation that went well."""
    if operation.service_model.protocol == "json":
        version = operation.service_model.metadata.get("jsonVersion", "1.1")
        body = json.dumps(_plain(result)).encode() if operation.output_shape is not None else b""
        return Reply(200, body, {"Content-Type": f"application/x-amz-json-{version}"})
    from moto.core.serialize import SerializationContext, get_serializer_class

    model = operation.service_model
    serializer = get_serializer_class(model.service_name, model.protocol)(operation, SerializationContext(request_id))
    done = serializer.serialize(result)
    body = done["body"].encode() if isinstance(done["body"], str) else done["body"]
    return Reply(done["status_code"], body, dict(done["headers"]))


def _plain(value: Any) -> Any:
    """Return the JSON form: times as seconds since the epoch, members without a value left out."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
        return round(aware.timestamp(), 3)
    return value
