"""AWS's signature (SigV4) on a request that botocore does not make itself, such as those to Livy on EMR Serverless."""

from __future__ import annotations

from ..errors import CredentialsExpired
from ..http.auth import HTTPRequest
from .session import AWSSession


def sign(session: AWSSession, request: HTTPRequest, service: str) -> HTTPRequest:
    """Return the request with its signature, by the caller's credentials of this moment; blocks while they are renewed.

    The host, the body's hash and all headers are signed. Raises ``CredentialsExpired``.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError

    try:
        frozen = session.credentials.get_frozen_credentials()
    except BotoCoreError as error:
        message = f"The credentials of {session.label} cannot be renewed: {error}"
        raise CredentialsExpired(message, fix="Log in again (`aws sso login`, or how you do it).") from error
    signed = AWSRequest(request.method, request.url, headers=dict(request.headers), data=request.body)
    SigV4Auth(frozen, service, session.region).add_auth(signed)
    return HTTPRequest(request.method, request.url, dict(signed.headers.items()), request.body)


def dns_suffix(session: AWSSession) -> str:
    """Return the domain of AWS's partition that the session's region is in, as botocore has it."""
    core = session.caller.core
    partition = core.get_partition_for_region(session.region)
    known = core.get_component("data_loader").load_data("endpoints")["partitions"]
    return next(str(one["dnsSuffix"]) for one in known if one["partition"] == partition)
