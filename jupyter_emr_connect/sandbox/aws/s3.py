"""S3: moto's, behind our checks; which IAM action each operation needs, and on which bucket or object.

Source: "Required permissions for Amazon S3 API operations" (S3 user guide).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from .service import Call, Check, Service

_ACTIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "HeadObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
}
_VERSIONED = {"GetObject", "DeleteObject", "GetObjectTagging", "PutObjectTagging", "GetObjectAcl"}


def checks(call: Call) -> Sequence[Check]:
    """Return IAM's questions for an S3 call: the object or bucket, a copy's source, each object of a bulk delete."""
    bucket, key = call.params.get("Bucket"), call.params.get("Key")
    action = _ACTIONS.get(call.action, call.action)
    if not bucket:
        return [Check(f"s3:{action}", "*" if action == "ListAllMyBuckets" else "arn:aws:s3:::*")]
    if call.action == "DeleteObjects":
        return [_check(call, "DeleteObject", bucket, name) for name in _deleted(call)]
    found = [_check(call, _versioned(call, action), bucket, key)]
    source = unquote(call.incoming.headers.get("x-amz-copy-source", "")).lstrip("/").partition("?")[0]
    if source:
        from_bucket, _, from_key = source.partition("/")
        found.append(_check(call, "GetObject", from_bucket, from_key))
    return found


def _versioned(call: Call, action: str) -> str:
    if action in _VERSIONED and "versionId" in call.incoming.arguments:
        verb, _, rest = action.partition("Object")
        return f"{verb}ObjectVersion{rest}"
    return action


def _check(call: Call, action: str, bucket: str, key: str | None) -> Check:
    stored = _bucket(bucket)
    resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
    policies = (_document(stored.policy),) if stored is not None and stored.policy else ()
    owner = stored.account_id if stored is not None else ""
    return Check(f"s3:{action}", resource, _context(call), policies, owner)


def _context(call: Call) -> dict[str, list[str]]:
    arguments, headers = call.incoming.arguments, call.incoming.headers
    context = {f"s3:{name}": [arguments[name]] for name in ("prefix", "delimiter", "max-keys") if name in arguments}
    if "versionId" in arguments:
        context["s3:VersionId"] = [arguments["versionId"]]
    for name in ("x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-acl"):
        if name in headers:
            context[f"s3:{name}"] = [headers[name]]
    return context


def _bucket(name: str) -> Any | None:
    """Return moto's bucket, in whatever account it is, or None."""
    from moto.s3.models import s3_backends

    for account in list(s3_backends):
        found = s3_backends[account]["aws"].buckets.get(name)
        if found is not None:
            return found
    return None


def _document(policy: Any) -> str:
    return policy.decode() if isinstance(policy, bytes) else str(policy)


def _deleted(call: Call) -> list[str]:
    objects = (call.params.get("Delete") or {}).get("Objects") or []
    return [str(each.get("Key", "")) for each in objects] or [""]


SERVICE = Service(name="s3", model="s3", prefix="s3", checks=checks, moto="s3", anonymous=True)
