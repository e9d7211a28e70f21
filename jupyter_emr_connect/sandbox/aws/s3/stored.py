"""Buckets and objects as moto keeps them, in whatever account they are. moto's classes have no types: hence ``Any``."""

from __future__ import annotations

from typing import Any

from .refusals import no_such_bucket


def find_bucket(name: str) -> Any | None:
    """Return moto's bucket of this name, or None."""
    from moto.s3.models import s3_backends

    for account in list(s3_backends):
        bucket = s3_backends[account]["aws"].buckets.get(name)
        if bucket is not None:
            return bucket
    return None


def get_bucket(name: str) -> Any:
    """Return moto's bucket of this name; raises :class:`Refusal` (``NoSuchBucket``, 404) when there is none."""
    bucket = find_bucket(name)
    if bucket is None:
        raise no_such_bucket(name)
    return bucket


def current_object(bucket: Any, key: str) -> Any | None:
    """Return the current version of an object; None where there is none or it is a delete marker."""
    from moto.s3.models import FakeKey

    versions = bucket.keys.getlist(key, default=[])
    return versions[-1] if versions and isinstance(versions[-1], FakeKey) else None


def backend_of(bucket: Any) -> Any:
    """Return moto's S3 of the account that owns the bucket."""
    from moto.s3.models import s3_backends

    return s3_backends[bucket.account_id]["aws"]


def prepare_bucket(bucket: Any) -> None:
    """Make a new bucket of moto's one of S3's: encrypted by default, and without moto's own evaluation of its policy.

    moto knows neither conditions nor principals; what comes to it was allowed by ``authorize``.
    """
    from moto.iam.access_control import PermissionResult

    set_default_encryption(bucket)
    bucket.get_permission = lambda action, resource: PermissionResult.PERMITTED


def set_default_encryption(bucket: Any) -> None:
    """Give moto's bucket the default of S3 since 2023, AES256, in the form in which moto keeps it."""
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}
    bucket.encryption = {"Rule": rule}
