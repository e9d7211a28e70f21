"""The private certificate authority of a cluster with in-transit encryption, and the certificates it signs.

The authority is trustme's. Added here: a server's key never touches the disk where the platform allows it (an anonymous
memory file); elsewhere it passes through a file that only this user can read and that is removed at once.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import trustme

LIFETIME = timedelta(days=30)
CLOCK_TOLERANCE = timedelta(minutes=5)


def private_dns_name(address: str, region: str) -> str:
    """Return the name AWS would give to a private address, e.g. ``ip-127-0-10-2.ec2.internal``.

    The form is EC2's: ``ec2.internal`` in us-east-1, ``<region>.compute.internal`` elsewhere.
    """
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{address.replace('.', '-')}.{domain}"


class CertificateAuthority:
    """A certificate authority that lives as long as the sandbox; its key is only in this object.

    Made once per cluster by the front door, and once by the supervisor for AWS's host names (``sandbox hosts``).
    """

    def __init__(self, name: str) -> None:
        self._authority = trustme.CA(organization_name=name)

    @property
    def pem(self) -> str:
        """The authority's certificate, for clients to trust."""
        return self._authority.cert_pem.bytes().decode()

    def server_context(self, hosts: list[str]) -> ssl.SSLContext:
        """Return a TLS server context with a fresh key and a certificate for ``hosts`` (addresses or names)."""
        now = datetime.now(timezone.utc)
        leaf = self._authority.issue_cert(*hosts, not_before=now - CLOCK_TOLERANCE, not_after=now + LIFETIME)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        with _as_file(leaf.private_key_and_cert_chain_pem) as path:
            context.load_cert_chain(path)
        return context


@contextmanager
def _as_file(pem: trustme.Blob) -> Iterator[str]:
    """Give a key and its certificate a path for OpenSSL, which loads keys from files only."""
    if not hasattr(os, "memfd_create"):
        with pem.tempfile() as path:  # mode 0600
            yield path
        return
    number = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(number, pem.bytes())
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)
