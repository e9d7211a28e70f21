"""Every failure that a user can meet, as one tree.

Each class fixes its ``code`` (stable, for tools) and ``reason`` (a short title); each instance carries a ``message``
that names the cause and a ``fix`` that says what to do. The faces (CLI, magic, REST, provisioner) print those two and
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
    │   ├── AWSUnavailable          no answer, or the service's own error
    │   ├── BucketNotFound
    │   ├── ObjectNotFound          no such object or version in S3
    │   └── ObjectChanged           a conditional write to S3 found another object than expected
    ├── ComputeError                the compute cannot be used
    │   ├── ComputeNotFound
    │   ├── AmbiguousCompute
    │   └── NotAttachable
    ├── RoleError                   the runtime role cannot be used
    │   ├── MalformedRole
    │   ├── RoleNotFound
    │   ├── AmbiguousRole
    │   ├── RoleRequired
    │   ├── RoleUnsupported
    │   └── RoleDenied
    ├── LoginRequired               a compute asks for a user name and password, and there are none
    ├── KerberosFailed              no ticket for a compute's Livy, or no package for it
    ├── AttachmentError             no attachment, or it cannot be kept
    │   ├── NotAttached
    │   ├── AttachmentNotFound
    │   ├── PathError               the notebook or folder cannot be named so
    │   │   └── PathNotFound
    │   └── StoreError
    │       └── StoreDamaged        the file is not SQLite's any more
    ├── GatewayError                the Jupyter Enterprise Gateway
    │   ├── GatewayUnreachable      nothing listens, or nothing answers
    │   ├── GatewayCertificate      TLS refused: not trusted, or for another host
    │   ├── GatewayRefused          401 or 403
    │   ├── PlainHttpRefused        a secret would have crossed the network unencrypted
    │   ├── NotAGateway             something else answers there
    │   ├── KernelspecMissing
    │   ├── KernelStartFailed
    │   ├── KernelGone              culled, deleted, or lost with its gateway
    │   ├── KernelUnknown           no kernel of the ledger is meant
    │   └── KernelInUse             a living process has the kernel
    ├── LivyError                   a Livy server, and the sessions on it
    │   ├── LivyUnreachable         nothing listens, or nothing answers
    │   ├── LivyCertificate         TLS refused: not trusted, or for another host
    │   ├── LivyRefused             401 or 403
    │   │   └── LoginRefused        the user name and password
    │   ├── NotLivy                 something else answers there
    │   ├── SessionStartFailed
    │   ├── SessionGone             expired, deleted, or died
    │   └── StatementLost           the server no longer has what a statement answered
    ├── KernelStartCancelled        by its user
    ├── NotebookError               the notebook file cannot be read, run or written
    │   └── CellFailed
    ├── BackupError                 a file's copy in S3
    │   ├── BackupsOff              no location is set
    │   ├── BackupConflict          changed in S3 by somebody else
    │   └── FileInMotion            somebody writes the file at this moment
    ├── RequestError                the REST request cannot be understood
    └── SandboxError                the emulated EMR of this machine
        ├── SandboxNotRunning
        ├── SandboxRefused          a Jupyter server that must keep its AWS
        ├── SandboxInstallError     download, disk, Java, proxy
        └── SandboxStartError       port, process, permission
"""

from __future__ import annotations

from typing import Any, ClassVar


class EMRConnectError(Exception):
    """Base of all our errors; catch this to print ``message`` and ``fix``.

    ``hop`` says where on the way to the compute it failed, for errors met while an attachment is proved.
    """

    code: ClassVar[str] = "error"
    reason: ClassVar[str] = "Something went wrong"
    hop: str | None = None

    def __init_subclass__(cls, *, code: str, reason: str) -> None:
        cls.code = code
        cls.reason = reason

    def __init__(self, message: str, *, fix: str = "") -> None:
        if message.startswith("the "):  # the name of a server, as it stands in the middle of others
            message = f"T{message[1:]}"
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()

    def to_json(self) -> dict[str, Any]:
        """Return the contract's error body: ``message``, ``reason``, ``code``, ``fix``; ``hop`` where it is known."""
        body = {"message": self.message, "reason": self.reason, "code": self.code, "fix": self.fix}
        return {**body, "hop": self.hop} if self.hop else body


class ConfigurationError(EMRConnectError, code="configuration", reason="Configuration"):
    """The user's settings cannot be used."""


class NoRegion(ConfigurationError, code="no-region", reason="No AWS region"):
    """No AWS region is set anywhere."""


class NoCredentials(ConfigurationError, code="no-credentials", reason="No AWS credentials"):
    """The AWS chain found no credentials, or the profile does not exist."""


class AWSError(EMRConnectError, code="aws", reason="AWS"):
    """An AWS call failed; ``iam_action`` is the action behind the call, where known."""

    def __init__(self, message: str, *, fix: str = "", iam_action: str | None = None) -> None:
        super().__init__(message, fix=fix)
        self.iam_action = iam_action

    def to_json(self) -> dict[str, Any]:
        """Return the error body with ``iam_action``."""
        return {**super().to_json(), "iam_action": self.iam_action}


class AccessDenied(AWSError, code="access-denied", reason="Access denied"):
    """IAM refused the call."""


class CredentialsExpired(AWSError, code="credentials-expired", reason="Credentials expired"):
    """The caller's own AWS credentials have expired."""


class InvalidCredentials(AWSError, code="invalid-credentials", reason="Credentials not accepted"):
    """AWS does not accept the key, the secret, the signature or the clock."""


class Throttled(AWSError, code="throttled", reason="Throttled by AWS"):
    """AWS's rate limit, after all retries."""


class AWSUnavailable(AWSError, code="aws-unavailable", reason="AWS unavailable"):
    """AWS did not answer, or answered with its own error."""


class BucketNotFound(AWSError, code="bucket-not-found", reason="Bucket not found"):
    """S3 has no bucket of this name."""


class ObjectNotFound(AWSError, code="object-not-found", reason="Object not found"):
    """The bucket has no object of this key, or no such version of it."""


class ObjectChanged(AWSError, code="object-changed", reason="Object changed"):
    """The object in S3 is not the one that a conditional write or delete expected; nothing was written."""


class ComputeError(EMRConnectError, code="compute", reason="Compute"):
    """The compute cannot be used."""


class ComputeNotFound(ComputeError, code="compute-not-found", reason="Compute not found"):
    """No compute has this id, ARN or name."""


class AmbiguousCompute(ComputeError, code="compute-ambiguous", reason="Ambiguous compute"):
    """Several computes have this name; the message lists them."""


class NotAttachable(ComputeError, code="compute-not-attachable", reason="Compute not attachable"):
    """The compute exists, but a kernel cannot attach to it; the message says why."""


class RoleError(EMRConnectError, code="runtime-role", reason="Runtime role"):
    """The runtime role cannot be used."""


class MalformedRole(RoleError, code="runtime-role-malformed", reason="Malformed runtime role"):
    """The text is neither the ARN nor the name of an IAM role."""


class RoleNotFound(RoleError, code="runtime-role-not-found", reason="Runtime role not found"):
    """No role of this name is known for the compute."""


class AmbiguousRole(RoleError, code="runtime-role-ambiguous", reason="Ambiguous runtime role"):
    """Several roles have this name; the message lists them."""


class RoleRequired(RoleError, code="runtime-role-required", reason="Runtime role required"):
    """The compute only takes sessions with a runtime role, and none was given."""


class RoleUnsupported(RoleError, code="runtime-role-unsupported", reason="Runtime role not supported"):
    """The compute would silently ignore the runtime role, so we refuse."""


class RoleDenied(RoleError, code="runtime-role-denied", reason="Runtime role denied"):
    """The caller may not take this runtime role."""


class LoginRequired(EMRConnectError, code="login-required", reason="User name and password needed"):
    """A compute asks for a user name and password that this process does not have; ``compute_id`` says which."""

    def __init__(self, message: str, *, fix: str = "", compute_id: str = "", compute_name: str = "") -> None:
        super().__init__(message, fix=fix)
        self.compute_id = compute_id
        self.compute_name = compute_name


class KerberosFailed(EMRConnectError, code="kerberos", reason="Kerberos"):
    """There is no Kerberos ticket for a compute, or the package that is needed for one is missing."""


class AttachmentError(EMRConnectError, code="attachment", reason="Attachment"):
    """No attachment, or it cannot be kept."""


class NotAttached(AttachmentError, code="not-attached", reason="Not attached"):
    """Neither the environment, the notebook nor a folder names a compute."""


class AttachmentNotFound(AttachmentError, code="attachment-not-found", reason="Attachment not found"):
    """No attachment has this id."""


class PathError(AttachmentError, code="path", reason="Path"):
    """The path names nothing that can be attached: outside the server's folder, too long, not a path."""


class PathNotFound(PathError, code="path-not-found", reason="No such file or folder"):
    """No notebook or folder is there."""


class StoreError(AttachmentError, code="store", reason="State file"):
    """The state file cannot be read or written."""


class StoreDamaged(StoreError, code="store-damaged", reason="State file damaged"):
    """The file is not SQLite's any more, or parts of it are lost."""


class GatewayError(EMRConnectError, code="gateway", reason="Gateway"):
    """The Jupyter Enterprise Gateway failed us; ``status`` is what it or a proxy answered with (HTTP), if it did."""

    status: int | None = None


class GatewayUnreachable(GatewayError, code="gateway-unreachable", reason="Gateway unreachable"):
    """Nothing listens at the address, or nothing answers within the deadline."""


class GatewayCertificate(GatewayError, code="gateway-certificate", reason="Gateway certificate"):
    """The gateway's certificate is not trusted, expired, or for another host."""


class GatewayRefused(GatewayError, code="gateway-refused", reason="Gateway refused"):
    """The gateway refused our credentials (401) or our right (403)."""


class PlainHttpRefused(GatewayError, code="gateway-plain-http", reason="Unencrypted gateway"):
    """A secret would have crossed the network unencrypted."""


class NotAGateway(GatewayError, code="not-a-gateway", reason="Not a gateway"):
    """Something answers at the address, but it is no Jupyter Enterprise Gateway."""


class KernelspecMissing(GatewayError, code="kernelspec-missing", reason="Kernel not offered"):
    """The gateway does not offer the kernel that was asked for."""


class KernelStartFailed(GatewayError, code="kernel-start-failed", reason="Kernel did not start"):
    """The gateway could not start the kernel, or it died while starting."""


class KernelStartCancelled(EMRConnectError, code="kernel-start-cancelled", reason="Kernel start cancelled"):
    """The user has cancelled the start."""


class KernelGone(GatewayError, code="kernel-gone", reason="Kernel gone"):
    """The kernel no longer exists on the gateway."""


class KernelUnknown(GatewayError, code="kernel-unknown", reason="Kernel unknown"):
    """No kernel of the ledger has this id, or several have."""


class KernelInUse(GatewayError, code="kernel-in-use", reason="Kernel in use"):
    """A living process has the kernel."""


class LivyError(EMRConnectError, code="livy", reason="Livy"):
    """A Livy server failed us; ``status`` is what it or a proxy answered with (HTTP), if it did."""

    status: int | None = None


class LivyUnreachable(LivyError, code="livy-unreachable", reason="Livy unreachable"):
    """Nothing listens at the address, or nothing answers within the deadline."""


class LivyCertificate(LivyError, code="livy-certificate", reason="Livy certificate"):
    """The server's certificate is not trusted, expired, or for another host."""


class LivyRefused(LivyError, code="livy-refused", reason="Livy refused"):
    """The server refused our credentials (401) or our right (403)."""


class LoginRefused(LivyRefused, code="login-refused", reason="User name or password refused"):
    """The server did not take the user name and password; ``compute_id`` says whose, where it is known."""

    compute_id: str = ""
    compute_name: str = ""


class NotLivy(LivyError, code="not-livy", reason="Not a Livy server"):
    """Something answers at the address, but it is no Livy server."""


class SessionStartFailed(LivyError, code="session-start-failed", reason="Session did not start"):
    """The server could not start the Spark session, or it died while starting."""


class SessionGone(LivyError, code="session-gone", reason="Session gone"):
    """The Spark session expired, was deleted, or died."""


class StatementLost(LivyError, code="statement-lost", reason="Result lost"):
    """The server no longer has what a statement answered."""


class NotebookError(EMRConnectError, code="notebook", reason="Notebook"):
    """The notebook file cannot be read, run or written."""


class CellFailed(NotebookError, code="cell-failed", reason="Cell failed"):
    """A cell of the notebook raised an error."""


class BackupError(EMRConnectError, code="backup", reason="Backup"):
    """A file's copy in S3 cannot be made or had."""


class BackupsOff(BackupError, code="backups-off", reason="Backups are off"):
    """No location is set, or it cannot be used."""


class BackupConflict(BackupError, code="backup-conflict", reason="Changed elsewhere"):
    """The object in S3 was changed by somebody else since this folder wrote it; neither side was overwritten."""


class FileInMotion(BackupError, code="backup-file-in-motion", reason="File in motion"):
    """Somebody writes the file now, or was killed while writing it; it is read later."""


class RequestError(EMRConnectError, code="bad-request", reason="Bad request"):
    """The REST request cannot be understood: no JSON, a field missing, unknown or of the wrong type."""


class SandboxError(EMRConnectError, code="sandbox", reason="Sandbox"):
    """The emulated EMR of this machine."""


class SandboxNotRunning(SandboxError, code="sandbox-not-running", reason="Sandbox not running"):
    """No sandbox of this name runs."""


class SandboxRefused(SandboxError, code="sandbox-refused", reason="Sandbox not started"):
    """A Jupyter server is not to start a sandbox, or must keep asking AWS."""


class SandboxInstallError(SandboxError, code="sandbox-install", reason="Sandbox installation"):
    """An engine could not be installed."""


class SandboxStartError(SandboxError, code="sandbox-start", reason="Sandbox start"):
    """An engine or a listener could not be started."""
