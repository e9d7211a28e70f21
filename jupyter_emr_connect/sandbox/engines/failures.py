"""Turns what uv, Ivy and the operating system say into one sentence with a way out."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from jupyter_emr_connect.errors import SandboxInstallError

CERTIFICATE = re.compile(
    r"invalid peer certificate|UnknownIssuer|certificate verify failed|PKIX path|SSLHandshakeException"
    r"|CertificateException",
    re.IGNORECASE,
)
CHECKSUM = re.compile(r"Hash mismatch|checksum", re.IGNORECASE)
DISK = re.compile(r"No space left on device|os error 28|Disk quota exceeded|os error 122", re.IGNORECASE)
PERMISSION = re.compile(r"Permission denied|os error 13|Read-only file system|os error 30", re.IGNORECASE)
PROXY = re.compile(r"proxy (requires )?auth(entication|orization)|407 Proxy", re.IGNORECASE)
NO_WHEEL = re.compile(
    r"no usable wheels|no wheels with a matching|no compatible wheel|doesn't have a .*wheel", re.IGNORECASE
)
NETWORK = re.compile(
    r"error sending request|failed to fetch|failed to download|request failed|connection (refused|reset|closed)"
    r"|timed? ?out"
    r"|dns error|UnknownHost|ConnectException|SERVER ERROR|Server access|UNRESOLVED DEPENDENCIES|FAILED DOWNLOADS",
    re.IGNORECASE,
)
# In order: the first that matches names the cause.
CAUSES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        CERTIFICATE,
        "the server's certificate is not trusted",
        "If your company has a CA of its own, let SSL_CERT_FILE name its PEM bundle and run the command again.",
    ),
    (DISK, "the disk is full", "Free about 2.5 GB, or point JUPYTER_DATA_DIR to a larger disk, and run it again."),
    (PERMISSION, "the folder cannot be written", "Make it writable, or point JUPYTER_DATA_DIR elsewhere."),
    (
        CHECKSUM,
        "a download is not the file that was released (checksum mismatch)",
        "Run the command again; if it stays, a proxy or a mirror alters files.",
    ),
    (PROXY, "the proxy refused", "Check HTTPS_PROXY (http://user:password@host:port) and run the command again."),
    (NO_WHEEL, "a package has no build for this platform or Python", "Use Python 3.10 to 3.13 on Linux x86-64."),
    (
        NETWORK,
        "the download failed",
        "Check the network (HTTPS_PROXY behind a proxy; UV_DEFAULT_INDEX and EMR_CONNECT_MAVEN for mirrors) "
        "and run the command again; what is there already is kept.",
    ),
)


def tool_failure(title: str, output: str) -> SandboxInstallError:
    """Return the error for a failed uv, Ivy or compiler run; ``output`` is all it printed."""
    for pattern, cause, fix in CAUSES:
        if pattern.search(output):
            return SandboxInstallError(f"{title} could not be installed: {cause}.", fix=fix)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    last = lines[-1][:300] if lines else "it said nothing"
    return SandboxInstallError(f"{title} could not be installed: {last}.", fix="Run the command again.")


def system_failure(error: OSError, root: Path) -> SandboxInstallError:
    """Return the error for a failed file operation below ``root``."""
    where = error.filename or root
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(root)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return SandboxInstallError(
            f"The engines cannot be installed: no permission to write {where}.",
            fix="Make it writable, or point JUPYTER_DATA_DIR elsewhere.",
        )
    return SandboxInstallError(f"The engines cannot be installed: {where}: {error.strerror}.", fix="Look at that path.")


def disk_full(root: Path, needed: int | None = None, free: int | None = None) -> SandboxInstallError:
    """Return the error for a full disk; sizes in MB."""
    sizes = f": {needed} MB are needed, {free} MB are free" if needed is not None else ""
    return SandboxInstallError(
        f"The engines cannot be installed in {root}: the disk is full{sizes}.",
        fix="Free some space, or point JUPYTER_DATA_DIR to a larger disk.",
    )
