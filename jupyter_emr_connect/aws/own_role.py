"""Credentials of an access role for a caller who may be that role already; imported at the first one, with botocore."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from botocore.credentials import Credentials, DeferredRefreshableCredentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError

from ..models import AccessRole

ROLE = re.compile(r"arn:([^:]+):iam::(\d{12}):role/(?:.*/)?([^/]+)", re.ASCII)
SESSION = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.+", re.ASCII)


class AssumedOrOwn(DeferredRefreshableCredentials):
    """Credentials of ``role``, got with those of ``source``; those of ``source`` itself where that is the role.

    A role may not assume itself unless its trust policy names it: a container or a login that gives the access role
    already is refused, and has what it needs. Only after a refusal is STS asked who the caller is. With session tags
    the refusal stands, for the credentials at hand do not carry them.
    """

    def __init__(
        self, fetch: Callable[[], Any], source: Credentials, role: AccessRole, client: Callable[..., Any]
    ) -> None:
        """Take what asks for the role; ``client`` makes a client of botocore's."""
        parent: Any = super()
        parent.__init__(fetch, "assume-role")
        self._source: Any = source
        self._role = role
        self._client = client
        self._is_own = False

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the credentials to sign with; called by botocore for each request, in any thread."""
        parent: Any = super()
        if not self._is_own:
            try:
                assumed: ReadOnlyCredentials = parent.get_frozen_credentials()
            except ClientError as error:
                refused = error.response.get("Error", {}).get("Code") == "AccessDenied"
                if not refused or self._role.session_tags or not self._is_role():
                    raise
                self._is_own = True
            else:
                return assumed
        own: ReadOnlyCredentials = self._source.get_frozen_credentials()
        self._expiry_time = getattr(self._source, "_expiry_time", None)  # which `sts.get_identity` reads
        return own

    def _is_role(self) -> bool:
        """Ask STS whether ``source`` is a session of the role; a role's path, which STS does not tell, is left out."""
        own = self._source.get_frozen_credentials()
        keys = {"aws_access_key_id": own.access_key, "aws_secret_access_key": own.secret_key}
        try:
            arn = self._client("sts", aws_session_token=own.token, **keys).get_caller_identity()["Arn"]
        except (BotoCoreError, ClientError):
            return False
        session, role = SESSION.fullmatch(arn), ROLE.fullmatch(self._role.arn)
        return bool(session and role and session.groups() == role.groups())
