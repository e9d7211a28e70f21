"""The caller's own AWS credentials as an ``Auth``: each request is signed just before it is sent, no header is kept."""

from __future__ import annotations

from ...aws.session import AWSSession, SessionKey, forget, open_session
from ...aws.signing import sign
from ...errors import EMRConnectError
from ...executors import AWS, run_in
from ...http.auth import HTTPRequest

SERVICE = "emr-serverless"


class SigningAuth:
    """Signs requests for a service as one caller in one region. Safe on any event loop.

    botocore renews what expires; a login that has ended is read anew once a request was refused.
    """

    last_error: EMRConnectError | None = None

    def __init__(self, session: AWSSession, service: str = SERVICE) -> None:
        self._key = SessionKey(session.key.profile, session.region, session.key.access_role)
        self._service = service

    async def prepare(self, request: HTTPRequest) -> HTTPRequest:
        """Return the request with its signature. Raises ``AWSError`` and ``ConfigurationError``."""
        return await run_in(AWS, self._signed, request)

    def _signed(self, request: HTTPRequest) -> HTTPRequest:
        session = open_session(self._key.profile, self._key.region, self._key.access_role)
        return sign(session, request, self._service)

    async def renew(self, refused: HTTPRequest) -> None:
        """Read the caller's credentials anew: there may have been a new login."""
        forget(self._key)

    def hold(self, owner: object) -> None:
        """Do nothing: nothing is kept that could expire."""

    def release(self, owner: object) -> None:
        """Do nothing: nothing is kept that could expire."""
