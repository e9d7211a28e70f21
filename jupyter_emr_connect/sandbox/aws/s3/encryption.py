"""Server-side encryption: which headers fit together.

Source: "PutObject" (S3 API reference). Nothing is encrypted in truth: the objects are in the sandbox's memory.
"""

from __future__ import annotations

from ..failures import FailureKind, Refusal
from ..service import Call
from .refusals import invalid_argument

_ALGORITHM = "x-amz-server-side-encryption"
_KEY = f"{_ALGORITHM}-aws-kms-key-id"
_OF_CUSTOMER = f"{_ALGORITHM}-customer-"
_KMS = ("aws:kms", "aws:kms:dsse")


def check_encryption(call: Call) -> None:
    """Raise :class:`Refusal` for headers that ask for what S3, or the sandbox, has not."""
    headers = call.incoming.headers
    if any(name.startswith(_OF_CUSTOMER) for name in headers):
        message = "The sandbox does not emulate encryption with keys of the customer (SSE-C)."
        raise Refusal(FailureKind.NOT_EMULATED, message)
    algorithm = headers.get(_ALGORITHM)
    if algorithm is not None and algorithm not in ("AES256", *_KMS):
        message = "The encryption method specified is not supported"
        raise invalid_argument(message, _ALGORITHM, algorithm)
    if _KEY in headers and algorithm not in _KMS:
        message = f"Server Side Encryption with AWS KMS managed key requires HTTP header {_ALGORITHM} : aws:kms"
        raise invalid_argument(message, _ALGORITHM, algorithm or "null")
