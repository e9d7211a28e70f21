"""The answer to one call of S3: limits and digests before moto, and what moto's answer lacks after it."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from .. import backend
from ..authorize import denial, refusal_reason
from ..failures import FailureKind, Refusal, Reply
from ..service import Call
from ..streams import BAD_DIGEST, check_digests
from .deletion import delete_objects
from .encryption import check_encryption
from .listing import LISTS, without_empty_folders
from .permissions import bypasses_governance, listing_check
from .preconditions import WRITES, check_preconditions
from .refusals import check_key, invalid_argument
from .stored import find_bucket, prepare_bucket, set_default_encryption

MAX_ROWS = 1000
"""Keys, versions or parts that one page of a list has at most."""
MAX_INTEGER = 2**31 - 1

_PAGE_SIZES = ("max-keys", "max-parts")
_CONDITIONS = frozenset({"if-match", "if-none-match"})
_DELETES = frozenset({"DeleteObject", "DeleteObjects"})
_OVERRULING = "x-amz-bypass-governance-retention"
_writing = threading.Lock()


def answer(call: Call) -> Reply:
    """Answer a call that IAM allows; called by the app on any thread. Raises :class:`Refusal`."""
    _limit_page(call)
    check_key(call.params.get("Key") or "")
    check_encryption(call)
    _check_digests(call)
    with _exclusive(call):
        if call.action == "DeleteObjects":
            return delete_objects(call)
        check_preconditions(call)
        _hide_what_moto_misreads(call)
        reply = _complete(call, backend.answer(call, "s3"))
    _hide_missing_key(call, reply)
    # moto keeps it with the object and tells it; S3 does not, and AWS's SDK for Java would send it with every copy.
    headers = {name: value for name, value in reply.headers.items() if name.lower() != "content-md5"}
    return replace(reply, headers=headers)


@contextmanager
def _exclusive(call: Call) -> Iterator[None]:
    """Let one call at a time change or list objects, so that of two writers with a condition one wins.

    moto fails at a list of what is changed meanwhile.
    """
    if call.action in WRITES | _DELETES | LISTS:
        with _writing:
            yield
    else:
        yield


def _limit_page(call: Call) -> None:
    """Give moto no greater page than S3's; raises :class:`Refusal` for a size that is none."""
    arguments = call.incoming.arguments
    for name in (name for name in _PAGE_SIZES if arguments.get(name)):
        size = int(arguments[name])
        if not 0 <= size <= MAX_INTEGER:
            message = f"Argument {name} must be an integer between 0 and {MAX_INTEGER}"
            raise invalid_argument(message, name, arguments[name])
        if size > MAX_ROWS:
            pairs = parse_qsl(call.incoming.query, keep_blank_values=True)
            query = urlencode([(key, str(MAX_ROWS) if key == name else value) for key, value in pairs])
            call.incoming = replace(call.incoming, query=query)


def _check_digests(call: Call) -> None:
    """Compare the body with the digests in its headers; those of a completed upload are the whole object's."""
    headers = call.incoming.headers
    streamed = headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    if streamed or call.action == "CompleteMultipartUpload":
        return
    check_digests(call.incoming.body, headers)
    given = headers.get("content-md5")
    if given is not None:
        actual = base64.b64encode(hashlib.md5(call.incoming.body, usedforsecurity=False).digest()).decode()
        if given != actual:
            message = "The Content-MD5 you specified did not match what we received."
            raise Refusal(BAD_DIGEST, message, ExpectedDigest=given, CalculatedDigest=actual)


def _hide_what_moto_misreads(call: Call) -> None:
    """Drop headers that were obeyed here: moto compares ``*`` with the ETag, and takes "false" for true."""
    dropped = _CONDITIONS if call.action in WRITES | _DELETES else frozenset()
    if not bypasses_governance(call):
        dropped |= {_OVERRULING}
    headers = {name: value for name, value in call.incoming.headers.items() if name not in dropped}
    call.incoming = replace(call.incoming, headers=headers)


def _complete(call: Call, reply: Reply) -> Reply:
    """Bring moto's state to what S3's would be after the call, and return moto's answer as S3's."""
    if reply.status >= 300:
        return reply
    bucket = find_bucket(call.params.get("Bucket") or "")
    if bucket is None:
        return reply
    if call.action in LISTS:
        return without_empty_folders(call, bucket, reply)
    if call.action == "CreateBucket":
        prepare_bucket(bucket)
    if call.action == "DeleteBucketEncryption":
        set_default_encryption(bucket)
    if call.action == "CompleteMultipartUpload" and bucket.has_default_lock:
        stored = bucket.keys[call.params["Key"]]
        if not stored.lock_mode:
            stored.lock_mode, stored.lock_until = bucket.default_lock_mode, bucket.default_retention()
    return reply


def _hide_missing_key(call: Call, reply: Reply) -> None:
    """Refuse to say that an object is not there to who may not list the bucket; raises :class:`Refusal`."""
    if reply.status == 404 and call.action in ("GetObject", "HeadObject"):
        check = listing_check(call, call.params["Bucket"])
        reason = refusal_reason(call, check)
        if reason:
            raise Refusal(FailureKind.DENIED, denial(call.principal, check, reason))
