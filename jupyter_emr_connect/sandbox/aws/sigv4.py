"""Signature version 4, checked as AWS checks it: headers, presigned URLs, S3's payload rules, session tokens, clock.

Source: "Create a signed AWS API request" (IAM user guide) and "Authenticating Requests: Using the Authorization
Header" (S3 API reference). Called by the app for every request that carries credentials.

Our own and not botocore's: the clients that are checked sign with botocore, so a check by the same code would find
nothing wrong with a mistake that both share.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from urllib.parse import quote, unquote

from .failures import FailureKind, Refusal
from .incoming import Incoming

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
MAX_SKEW_S = 300
S3_SKEW = 900
"""Seconds by which the caller's clock may be off."""

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Signed:
    """What a request says of its signature. ``expires`` (seconds) is a presigned URL's life, else None."""

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str
    timestamp: str
    token: str | None = field(default=None, repr=False)
    expires: int | None = None

    @property
    def scope(self) -> str:
        """The credential scope as it is signed."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def moment(self) -> float:
        """The time of signing, in seconds since the epoch; raises :class:`Refusal` when it is no date."""
        try:
            parsed = datetime.strptime(self.timestamp, "%Y%m%dT%H%M%SZ")
        except ValueError:
            message = f"Date must be in ISO-8601 'basic format'. Got '{self.timestamp[:40]}'."
            raise Refusal(FailureKind.MALFORMED_AUTH, message) from None
        return parsed.replace(tzinfo=timezone.utc).timestamp()


def signature_of(incoming: Incoming) -> Signed | None:
    """Return what the request says of its signature; None when unsigned; raises :class:`Refusal` when malformed."""
    header = incoming.headers.get("authorization", "")
    if header:
        return _from_header(incoming, header)
    if "X-Amz-Signature=" in incoming.query:
        return _from_query(incoming)
    if "AWSAccessKeyId=" in incoming.query:
        raise Refusal(FailureKind.OLD_SIGNATURE)
    return None


def _from_header(incoming: Incoming, header: str) -> Signed:
    algorithm, _, rest = header.partition(" ")
    if algorithm == "AWS":
        raise Refusal(FailureKind.OLD_SIGNATURE)
    if algorithm != ALGORITHM:
        raise Refusal(FailureKind.MALFORMED_AUTH, f"Unsupported authorization type: '{algorithm[:40]}'.")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if missing:
        message = f"Authorization header requires '{missing[0]}' parameter."
        raise Refusal(FailureKind.MALFORMED_AUTH, message)
    return _signed(
        parts["Credential"],
        parts["SignedHeaders"],
        parts["Signature"],
        incoming.headers.get("x-amz-date", ""),
        incoming.headers.get("x-amz-security-token"),
        None,
    )


def _from_query(incoming: Incoming) -> Signed:
    found = incoming.arguments
    if found.get("X-Amz-Algorithm") != ALGORITHM:
        raise Refusal(FailureKind.MALFORMED_AUTH, "X-Amz-Algorithm only supports 'AWS4-HMAC-SHA256'.")
    expires = found.get("X-Amz-Expires", "")
    if not expires.isdigit() or not 0 < int(expires) <= 604_800:
        raise Refusal(FailureKind.MALFORMED_AUTH, "X-Amz-Expires must be between 1 and 604800 seconds.")
    return _signed(
        found.get("X-Amz-Credential", ""),
        found.get("X-Amz-SignedHeaders", ""),
        found.get("X-Amz-Signature", ""),
        found.get("X-Amz-Date", ""),
        found.get("X-Amz-Security-Token"),
        int(expires),
    )


def _signed(
    credential: str, headers: str, signature: str, timestamp: str, token: str | None, expires: int | None
) -> Signed:
    fields = credential.split("/")
    if len(fields) != 5 or fields[4] != "aws4_request" or not all(fields):
        message = f"Credential must have exactly 5 slash-delimited elements, got '{credential[:80]}'."
        raise Refusal(FailureKind.MALFORMED_AUTH, message)
    names = tuple(sorted(name for name in headers.lower().split(";") if name))
    if "host" not in names:
        raise Refusal(FailureKind.MALFORMED_AUTH, "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    return Signed(fields[0], fields[1], fields[2], fields[3], names, signature, timestamp, token, expires)


def verify(incoming: Incoming, signed: Signed, secret: str, now: float) -> str:
    """Check clock, payload and signature; return the signature. Raises :class:`Refusal` with the reason AWS gives."""
    _check_clock(signed, now)
    payload = _payload_hash(incoming, signed)
    request = canonical_request(incoming, signed, payload)
    text = "\n".join((ALGORITHM, signed.timestamp, signed.scope, hashlib.sha256(request.encode()).hexdigest()))
    key = signing_key(secret, signed.date, signed.region, signed.service)
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signed.signature.encode()):
        raise Refusal(FailureKind.BAD_SIGNATURE)
    return expected


def _check_clock(signed: Signed, now: float) -> None:
    if signed.timestamp[:8] != signed.date:
        message = f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: '{signed.date}'."
        raise Refusal(FailureKind.MALFORMED_AUTH, message)
    moment, limit = signed.moment, S3_SKEW if signed.service == "s3" else MAX_SKEW_S
    if moment > now + limit:
        message = f"Signature not yet current: {signed.timestamp} is still later than {_stamp(now + limit)} "
        message += f"({_stamp(now)} + {limit // 60} min.)"
        raise Refusal(FailureKind.SKEWED_CLOCK, "" if signed.service == "s3" else message)
    life = limit if signed.expires is None else signed.expires
    if moment + life < now:
        message = f"Signature expired: {signed.timestamp} is now earlier than {_stamp(now - life)} "
        message += f"({_stamp(now)} - {life // 60} min.)"
        kind = FailureKind.SKEWED_CLOCK if signed.expires is None else FailureKind.EXPIRED_URL
        raise Refusal(kind, "" if signed.service == "s3" else message)


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y%m%dT%H%M%SZ")


def _payload_hash(incoming: Incoming, signed: Signed) -> str:
    """Return the payload's hash as it stands in the canonical request, after comparing it with the body."""
    given = incoming.headers.get("x-amz-content-sha256", "")
    if signed.service == "s3":
        if not given:
            return UNSIGNED
        if given == UNSIGNED or given.startswith("STREAMING-"):
            return given
    actual = hashlib.sha256(incoming.body).hexdigest()
    if _HEX.fullmatch(given) and given != actual:
        raise Refusal(FailureKind.PAYLOAD_MISMATCH)
    return actual


def canonical_request(incoming: Incoming, signed: Signed, payload: str) -> str:
    """Return the canonical request, the text whose hash is signed."""
    lines = "".join(f"{name}:{' '.join(incoming.headers.get(name, '').split())}\n" for name in signed.headers)
    return "\n".join(
        (
            incoming.method,
            _canonical_path(incoming.path, signed.service),
            _canonical_query(incoming.query),
            lines,
            ";".join(signed.headers),
            payload,
        )
    )


def _canonical_path(path: str, service: str) -> str:
    if service == "s3":
        # Part by part, since an encoded slash in a key is not one of the path's.
        return "/".join(quote(unquote(part), safe="~") for part in path.split("/"))
    normal = posixpath.normpath(path).replace("//", "/") if path else "/"
    if path.endswith("/") and normal != "/":
        normal += "/"
    return quote(normal, safe="/~")


def _canonical_query(query: str) -> str:
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part and name != "X-Amz-Signature":
            pairs.append((quote(unquote(name), safe="~"), quote(unquote(value), safe="~")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


@lru_cache(maxsize=256)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key that signs everything of one day, region and service (held in memory only)."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
