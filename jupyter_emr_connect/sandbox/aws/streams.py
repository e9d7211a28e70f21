"""S3's signed streams (``aws-chunked``): each chunk's and the trailer's signature, checked.

Source: "Signature calculations: transferring payload in multiple chunks" (S3 API reference). The body is handed on as
it came: moto takes the chunks apart. Called by the app after the request's own signature was found right.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterator, Mapping

from .failures import FailureKind, Refusal
from .incoming import Incoming
from .sigv4 import Signed, signing_key

BAD_DIGEST = "BadDigest"
_EMPTY = hashlib.sha256(b"").hexdigest()
_DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "x-amz-checksum-sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda data: hashlib.sha256(data).digest(),
}
"""The checksums that a trailer may carry and Python brings; the others (CRC32C, CRC64) are taken as they are."""


def check_stream(incoming: Incoming, signed: Signed, secret: str, seed: str) -> None:
    """Check an ``aws-chunked`` body; does nothing for other bodies. Raises :class:`Refusal` when it is not right."""
    kind = incoming.headers.get("x-amz-content-sha256", "")
    if signed.service != "s3" or not kind.startswith("STREAMING-"):
        return
    chunks, trailer = _split(incoming.body)
    content = b"".join(data for data, _ in chunks)
    expected = incoming.headers.get("x-amz-decoded-content-length", "")
    if expected and expected != str(len(content)):
        raise Refusal(FailureKind.INCOMPLETE_BODY)
    if kind.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
        _check_signatures(chunks, trailer, signed, secret, seed)
    check_digests(content, trailer)


def _split(body: bytes) -> tuple[list[tuple[bytes, str]], dict[str, str]]:
    """Return the chunks as (data, signature) and the trailing headers."""
    chunks: list[tuple[bytes, str]] = []
    place = 0
    while True:
        end = body.find(b"\r\n", place)
        head, _, extension = body[place:end].partition(b";") if end >= 0 else (b"", b"", b"")
        try:
            size = int(head, 16)
        except ValueError:
            raise Refusal(
                FailureKind.MALFORMED_BODY, "The chunks of the body are not in the aws-chunked form."
            ) from None
        data = body[end + 2 : end + 2 + size]
        if size < 0 or len(data) != size:
            raise Refusal(FailureKind.INCOMPLETE_BODY)
        chunks.append((data, extension.decode("latin-1").partition("chunk-signature=")[2].strip()))
        place = end + 2 + size + (2 if size else 0)
        if not size:
            return chunks, dict(_headers(body[place:]))


def _headers(text: bytes) -> Iterator[tuple[str, str]]:
    for line in text.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            yield name.strip().lower(), value.strip()


def _check_signatures(
    chunks: list[tuple[bytes, str]], trailer: dict[str, str], signed: Signed, secret: str, seed: str
) -> None:
    key = signing_key(secret, signed.date, signed.region, signed.service)

    def sign(kind: str, previous: str, *hashes: str) -> str:
        text = "\n".join((f"AWS4-HMAC-SHA256-{kind}", signed.timestamp, signed.scope, previous, *hashes))
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    previous = seed
    for data, given in chunks:
        previous = sign("PAYLOAD", previous, _EMPTY, hashlib.sha256(data).hexdigest())
        _compare(previous, given)
    if "x-amz-trailer-signature" in trailer:
        lines = "".join(f"{n}:{v}\n" for n, v in sorted(trailer.items()) if n != "x-amz-trailer-signature")
        _compare(
            sign("TRAILER", previous, hashlib.sha256(lines.encode()).hexdigest()), trailer["x-amz-trailer-signature"]
        )


def _compare(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise Refusal(FailureKind.BAD_SIGNATURE)


def check_digests(content: bytes, headers: Mapping[str, str]) -> None:
    """Compare the checksums among ``headers`` (of a request or of a stream's trailer) with the content.

    Raises :class:`Refusal` (``BadDigest``) for one that does not fit.
    """
    for name, value in headers.items():
        digest = _DIGESTS.get(name)
        if digest is None:
            continue
        try:
            given = base64.b64decode(value, validate=True)
        except binascii.Error:
            given = b""
        if given != digest(content):
            checksum = name.rpartition("-")[2].upper()
            raise Refusal(BAD_DIGEST, f"The {checksum} you specified did not match the calculated checksum.")
