"""The secrets by which a role is proved to a gateway or Livy: a cluster's pair, the token of an EMR on EKS endpoint."""

from __future__ import annotations

from dataclasses import replace

from ...aws.emr import cluster_session_credentials
from ...aws.emr_containers import endpoint_token
from ...aws.errors import error_code
from ...aws.session import AWSSession
from ...config import EMRConnect
from ...errors import AccessDenied, AWSError, NotAttachable, RoleDenied, RoleRequired, RoleUnsupported
from ...http.auth import Auth, BasicAuth, TokenAuth
from ...models import BasicPair, Compute, EndpointToken
from .renewal import RenewingAuth


class RenewingPairAuth(RenewingAuth[BasicPair]):
    """A user name and password for a runtime role on a cluster (``GetClusterSessionCredentials``)."""

    def _fixed(self, secret: BasicPair) -> Auth:
        return BasicAuth(secret.username, secret.password)

    def _ask(self) -> BasicPair:
        where = f"cluster {self._compute.name!r} ({self._compute.id})"
        try:
            return cluster_session_credentials(self._session(), self._compute.id, self._role)
        except AccessDenied as error:
            raise _denied(error, "runtime role", self._role, where, self._compute.name) from error
        except AWSError as error:
            if error_code(error) != "InvalidRequestException":
                raise
            message = f"EMR gives no credentials for the runtime role {self._role} on {where}: {error.message}"
            raise RoleUnsupported(message, fix="Check that the role exists and the cluster takes it.") from error


class RenewingTokenAuth(RenewingAuth[EndpointToken]):
    """A token for an execution role on an endpoint (``GetManagedEndpointSessionCredentials``, reference 2.3).

    ``seconds`` is how long a token shall be good (``EMRConnect.endpoint_token_seconds``).
    """

    def __init__(self, session: AWSSession, compute: Compute, role: str, *, renew_before: float, seconds: int) -> None:
        super().__init__(session, compute, role, renew_before=renew_before)
        self._seconds = seconds

    def _fixed(self, secret: EndpointToken) -> Auth:
        return TokenAuth(secret.token)

    def _ask(self) -> EndpointToken:
        where = f"endpoint {self._compute.name!r} ({self._compute.id})"
        virtual_cluster, _, endpoint = self._compute.id.partition("/")
        try:
            return endpoint_token(self._session(), virtual_cluster, endpoint, self._role, self._seconds)
        except AccessDenied as error:
            raise _denied(error, "execution role", self._role, where, self._compute.name) from error
        except AWSError as error:
            code = error_code(error)
            message = f"EMR gives no token for the execution role {self._role} on {where}: {error.message}"
            if code == "ResourceNotFoundException":
                raise NotAttachable(message, fix="`jupyter emr list` shows the endpoints there are.") from error
            if code == "ValidationException":
                fix = "Check that the role exists in the endpoint's account, and that the endpoint is ACTIVE."
                raise RoleUnsupported(message, fix=fix) from error
            raise


class RenewingLivyTokenAuth(RenewingTokenAuth):
    """The token for an endpoint with Livy, sent as HTTP Basic: its id is the user, itself the password (2.3)."""

    def _fixed(self, secret: EndpointToken) -> Auth:
        return BasicAuth(secret.id, secret.token)


def auth_for(
    config: EMRConnect, session: AWSSession, compute: Compute, role: str | None
) -> RenewingPairAuth | RenewingTokenAuth | None:
    """Return what proves the role to the compute's gateway; None for a cluster without one. Nothing is asked yet.

    On an endpoint without a chosen role it is the endpoint's own execution role (reference 2.2). Called by ``connect``
    and when an attachment is made. Raises ``RoleRequired`` for an endpoint of which no role is known.
    """
    before = config.renew_before
    if compute.kind == "eks":
        role = role or compute.details.get("execution_role")
        if not role:
            message = f"AWS names no execution role for the endpoint {compute.name!r} ({compute.id})."
            raise RoleRequired(message, fix="Name a role with --runtime-role or EMR_CONNECT_RUNTIME_ROLE.")
        if endpoint := compute.details.get("endpoint"):  # a configured Livy server takes this endpoint's tokens
            compute = replace(compute, id=endpoint)
        kind = RenewingLivyTokenAuth if "livy" in compute.transports else RenewingTokenAuth
        return kind(session, compute, role, renew_before=before, seconds=config.endpoint_token_seconds)
    if compute.kind == "serverless":
        return None  # each request is signed by the caller himself
    return RenewingPairAuth(session, compute, role, renew_before=before) if role else None


def _denied(error: AccessDenied, kind: str, role: str, where: str, name: str) -> RoleDenied:
    """Return the error for a role that the caller may not take.

    ``elasticmapreduce:ExecutionRoleArn`` is documented (reference 9.1); that emr-containers has the key too is not.
    """
    action = error.iam_action or "the action"
    condition = ""
    if action.endswith("SessionCredentials"):
        condition = f" with this role in the condition {action.partition(':')[0]}:ExecutionRoleArn"
    message = f"You may not take the {kind} {role} on {where}: {error.message}"
    fix = f"Choose another role (`jupyter emr roles {name}`), or ask for {action}{condition}."
    return RoleDenied(message, fix=fix)
