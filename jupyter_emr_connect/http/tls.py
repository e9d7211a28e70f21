"""TLS for one compute: the system's certificate authorities and, for it alone, private ones; and where it may lack."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigurationError, GatewayCertificate


@dataclass(frozen=True)
class PlainHttpRule:
    """Whether a server of a compute (gateway, Livy) may be spoken to without TLS.

    ``refusal`` says why not, in a clause for messages; it is empty where plain HTTP may be tried. ``secrets``:
    credentials may then leave this machine unencrypted, because the user has said so.
    """

    refusal: str = ""
    secrets: bool = False


def make_ssl_context(ca_file: str | None = None, *, ca_data: str | None = None) -> ssl.SSLContext:
    """Return a context that trusts the system's CAs and, for this compute alone, the PEMs given.

    ``ca_file`` is one that the user names; ``ca_data`` comes from AWS, and may be the gateway's own self-signed
    certificate (reference 2.2). What is named is trusted as it is, whoever has issued it: a company's issuing CA
    without its root, or the gateway's very certificate (X509_V_FLAG_PARTIAL_CHAIN of OpenSSL; Python sets it by itself
    from 3.13 on). Blocks while the system's CAs are read, 30 to 50 ms.
    Raises :class:`ConfigurationError` or :class:`GatewayCertificate` for a PEM that cannot be read.
    """
    context = ssl.create_default_context()
    if ca_file or ca_data:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        if ca_file:
            context.load_verify_locations(cafile=str(Path(ca_file).expanduser()))
    except (OSError, ssl.SSLError) as error:
        message = f"The certificate authority {ca_file} cannot be read: {error}."
        fix = "EMRConnect.certificate_authorities must name a PEM file that you can read."
        raise ConfigurationError(message, fix=fix) from error
    try:
        if ca_data:
            context.load_verify_locations(cadata=ca_data)
    except (ValueError, ssl.SSLError) as error:
        message = f"The certificate that AWS names for the gateway cannot be read: {error}."
        raise GatewayCertificate(message, fix="Name its CA in EMRConnect.certificate_authorities.") from error
    return context
