"""Whether a cluster's gateway may be spoken to without TLS: by what the user says, what AWS says, what was seen."""

from __future__ import annotations

from ...config import EMRConnect
from ...http.tls import PlainHttpRule
from ...models import Compute


def authority_of(config: EMRConnect, compute: Compute) -> str | None:
    """Return the PEM file that the user names for a compute, if any."""
    authorities = config.certificate_authorities
    return authorities.get(compute.id) or authorities.get(compute.name) or authorities.get("*")


def plain_http_rule(config: EMRConnect, compute: Compute, *, tls_seen: bool) -> PlainHttpRule:
    """Return the rule for one compute; ``tls_seen``: its gateway has answered over TLS before.

    Somebody on the way can keep TLS from coming about, so that it does not come about proves nothing. Plain HTTP is for
    computes that the user has named, and for clusters without in-transit encryption by AWS's word, unless a CA or an
    earlier answer says otherwise. Called by ``services.attachments.connect``; no input or output.
    """
    allowed = config.allow_plain_http
    if allowed is True or (isinstance(allowed, list) and {compute.id, compute.name} & set(allowed)):
        return PlainHttpRule(secrets=True)
    if tls_seen:
        return PlainHttpRule("it has answered over TLS before")
    if authority_of(config, compute):
        return PlainHttpRule("EMRConnect.certificate_authorities names a CA for it")
    details = compute.details
    if details.get("unread"):
        return PlainHttpRule(f"whether it has TLS is not known, for {details['unread']}")
    if details.get("in_transit_encryption"):
        return PlainHttpRule("AWS says that in-transit encryption is on")
    return PlainHttpRule()
