"""Every failure that a user can meet, as one tree.

Each class fixes ``code`` (stable, for tools) and ``reason`` (a short title); each instance carries a ``message`` that
names the cause and a ``fix`` that says what to do. The faces (CLI, magic, REST, provisioner) print those two and
never a traceback. Nothing secret may be put into either.

::

    EMRConnectError
    ├── ConfigurationError          the user's settings cannot be used
    │   ├── NoRegion
    │   └── NoCredentials
    ├── AWSError                    an AWS call failed
    │   ├── AccessDenied            IAM refused; ``iam_action`` names the action
    │   ├── CredentialsExpired      the caller's own credentials are no longer good
    │   ├── InvalidCredentials      unknown key, wrong secret, bad signature or clock
    │   ├── Throttled               AWS's rate limit, after all retries
    │   └── AWSUnavailable          no answer, or the service's own error
    ├── ComputeError                the compute cannot be used
    │   ├── ComputeNotFound
    │   ├── AmbiguousCompute
    │   └── NotAttachable
    ├── RoleError                   the runtime role cannot be used
    │   ├── MalformedRole
    │   ├── RoleRequired
    │   ├── RoleUnsupported
    │   └── RoleDenied
    ├── AttachmentError             no attachment, or it cannot be kept
    │   ├── NotAttached
    │   └── StoreError
    ├── GatewayError                the Jupyter Enterprise Gateway
    │   ├── GatewayUnreachable      nothing listens, or nothing answers
    │   ├── GatewayCertificate      TLS refused: not trusted, or for another host
    │   ├── GatewayRefused          401 or 403
    │   ├── PlainHttpRefused        a secret would have crossed the network unencrypted
    │   ├── NotAGateway             something else answers there
    │   ├── KernelspecMissing
    │   ├── KernelStartFailed
    │   └── KernelGone              culled, deleted, or lost with its gateway
    ├── LivyError                   the Livy server
    ├── NotebookError               the notebook file cannot be read, run or written
    │   └── CellFailed
    └── SandboxError                the emulated EMR of this machine
        ├── SandboxNotRunning
        ├── SandboxInstallError     download, disk, Java, proxy
        └── SandboxStartError       port, process, permission
"""

from __future__ import annotations

from typing import Any


class EMRConnectError(Exception):
    """Base of all our errors; catch this to print ``message`` and ``fix``."""

    code = "error"
    reason = "Something went wrong"

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()

    def to_json(self) -> dict[str, Any]:
        """Return the contract's error body: ``message``, ``reason``, ``code``, ``fix``."""
        return {"message": self.message, "reason": self.reason, "code": self.code, "fix": self.fix}


class ConfigurationError(EMRConnectError):
    """The user's settings cannot be used."""

    code = "configuration"
    reason = "Configuration"


class NoRegion(ConfigurationError):
    """No AWS region is set anywhere."""

    code = "no-region"
    reason = "No AWS region"


class NoCredentials(ConfigurationError):
    """The AWS chain found no credentials, or the profile does not exist."""

    code = "no-credentials"
    reason = "No AWS credentials"


class AWSError(EMRConnectError):
    """An AWS call failed; ``iam_action`` is the action behind the call, where known."""

    code = "aws"
    reason = "AWS"

    def __init__(self, message: str, *, fix: str = "", iam_action: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.iam_action = iam_action

    def to_json(self) -> dict[str, Any]:
        """Return the error body with ``iam_action``."""
        return {**super().to_json(), "iam_action": self.iam_action}


class AccessDenied(AWSError):
    """IAM refused the call."""

    code = "access-denied"
    reason = "Access denied"


class CredentialsExpired(AWSError):
    """The caller's own AWS credentials have expired."""

    code = "credentials-expired"
    reason = "Credentials expired"


class InvalidCredentials(AWSError):
    """AWS does not accept the key, the secret, the signature or the clock."""

    code = "invalid-credentials"
    reason = "Credentials not accepted"


class Throttled(AWSError):
    """AWS's rate limit, after all retries."""

    code = "throttled"
    reason = "Throttled by AWS"


class AWSUnavailable(AWSError):
    """AWS did not answer, or answered with its own error."""

    code = "aws-unavailable"
    reason = "AWS unavailable"


class ComputeError(EMRConnectError):
    """The compute cannot be used."""

    code = "compute"
    reason = "Compute"


class ComputeNotFound(ComputeError):
    """No compute has this id, ARN or name."""

    code = "compute-not-found"
    reason = "Compute not found"


class AmbiguousCompute(ComputeError):
    """Several computes have this name; the message lists them."""

    code = "compute-ambiguous"
    reason = "Ambiguous compute"


class NotAttachable(ComputeError):
    """The compute exists, but a kernel cannot attach to it; the message says why."""

    code = "compute-not-attachable"
    reason = "Compute not attachable"


class RoleError(EMRConnectError):
    """The runtime role cannot be used."""

    code = "runtime-role"
    reason = "Runtime role"


class MalformedRole(RoleError):
    """The text is not an IAM role ARN."""

    code = "runtime-role-malformed"
    reason = "Malformed runtime role"


class RoleRequired(RoleError):
    """The compute only takes sessions with a runtime role, and none was given."""

    code = "runtime-role-required"
    reason = "Runtime role required"


class RoleUnsupported(RoleError):
    """The compute would silently ignore the runtime role, so we refuse."""

    code = "runtime-role-unsupported"
    reason = "Runtime role not supported"


class RoleDenied(RoleError):
    """The caller may not take this runtime role."""

    code = "runtime-role-denied"
    reason = "Runtime role denied"


class AttachmentError(EMRConnectError):
    """No attachment, or it cannot be kept."""

    code = "attachment"
    reason = "Attachment"


class NotAttached(AttachmentError):
    """Neither the environment, the notebook nor a folder names a compute."""

    code = "not-attached"
    reason = "Not attached"


class StoreError(AttachmentError):
    """The state file cannot be read or written."""

    code = "store"
    reason = "State file"


class GatewayError(EMRConnectError):
    """The Jupyter Enterprise Gateway failed us."""

    code = "gateway"
    reason = "Gateway"


class GatewayUnreachable(GatewayError):
    """Nothing listens at the address, or nothing answers within the deadline."""

    code = "gateway-unreachable"
    reason = "Gateway unreachable"


class GatewayCertificate(GatewayError):
    """The gateway's certificate is not trusted, expired, or for another host."""

    code = "gateway-certificate"
    reason = "Gateway certificate"


class GatewayRefused(GatewayError):
    """The gateway refused our credentials (401) or our right (403)."""

    code = "gateway-refused"
    reason = "Gateway refused"


class PlainHttpRefused(GatewayError):
    """A secret would have crossed the network unencrypted."""

    code = "gateway-plain-http"
    reason = "Unencrypted gateway"


class NotAGateway(GatewayError):
    """Something answers at the address, but it is no Jupyter Enterprise Gateway."""

    code = "not-a-gateway"
    reason = "Not a gateway"


class KernelspecMissing(GatewayError):
    """The gateway does not offer the kernel that was asked for."""

    code = "kernelspec-missing"
    reason = "Kernel not offered"


class KernelStartFailed(GatewayError):
    """The gateway could not start the kernel, or it died while starting."""

    code = "kernel-start-failed"
    reason = "Kernel did not start"


class KernelGone(GatewayError):
    """The kernel no longer exists on the gateway."""

    code = "kernel-gone"
    reason = "Kernel gone"


class LivyError(EMRConnectError):
    """The Livy server failed us."""

    code = "livy"
    reason = "Livy"


class NotebookError(EMRConnectError):
    """The notebook file cannot be read, run or written."""

    code = "notebook"
    reason = "Notebook"


class CellFailed(NotebookError):
    """A cell of the notebook raised an error."""

    code = "cell-failed"
    reason = "Cell failed"


class SandboxError(EMRConnectError):
    """The emulated EMR of this machine."""

    code = "sandbox"
    reason = "Sandbox"


class SandboxNotRunning(SandboxError):
    """No sandbox of this name runs."""

    code = "sandbox-not-running"
    reason = "Sandbox not running"


class SandboxInstallError(SandboxError):
    """An engine could not be installed."""

    code = "sandbox-install"
    reason = "Sandbox installation"


class SandboxStartError(SandboxError):
    """An engine or a listener could not be started."""

    code = "sandbox-start"
    reason = "Sandbox start"
