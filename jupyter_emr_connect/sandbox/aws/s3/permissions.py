"""IAM's questions for a call of S3: which actions it needs, on which bucket and objects, under which condition keys.

Sources: "Required permissions for Amazon S3 API operations", "Conditional requests" and "Managing Object Lock" (S3 user
guide), "Actions, resources, and condition keys for Amazon S3" (service authorization reference).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..service import Call, Check
from .preconditions import WRITES, copy_source
from .refusals import wrong_region
from .stored import current_object, find_bucket, get_bucket

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
_CREATES = frozenset({*WRITES, "CreateMultipartUpload", "UploadPart", "UploadPartCopy"})
_PARTS = frozenset({"UploadPart", "UploadPartCopy", "CompleteMultipartUpload"})
_WITH_HEADER = {
    "x-amz-tagging": "PutObjectTagging",
    "x-amz-acl": "PutObjectAcl",
    "x-amz-object-lock-mode": "PutObjectRetention",
    "x-amz-object-lock-legal-hold": "PutObjectLegalHold",
}
"""What a write needs beside ``s3:PutObject`` when it has the header."""


def checks(call: Call) -> Sequence[Check]:
    """Return the questions for a call: the object or bucket, and a copy's source.

    Raises :class:`Refusal` for a bucket that does not exist or is in another region, whoever asks: S3 looks for the
    bucket before it looks at permissions. A bulk delete asks for each object by itself (``deletion``).
    """
    bucket, key = call.params.get("Bucket"), call.params.get("Key")
    action = _ACTIONS.get(call.action, call.action)
    if not bucket:
        return [Check(f"s3:{action}", "*" if action == "ListAllMyBuckets" else "arn:aws:s3:::*")]
    if call.action != "CreateBucket":
        region = get_bucket(bucket).region_name
        if call.region not in ("", region) and call.action != "GetBucketLocation":
            raise wrong_region(call.region, region)
    if call.action == "DeleteObjects":
        return []
    if call.action == "DeleteObject" and key:
        arguments, headers = call.incoming.arguments, call.incoming.headers
        return deletion_checks(call, bucket, key, version=arguments.get("versionId"), etag=headers.get("if-match"))
    return [_check(call, _versioned(call, action), bucket, key), *_further(call, bucket, key)]


def deletion_checks(call: Call, bucket: str, key: str, *, version: str | None, etag: str | None) -> list[Check]:
    """Return the questions for the deletion of one object, by itself or by a bulk delete."""
    found = [_check(call, "DeleteObjectVersion" if version else "DeleteObject", bucket, key)]
    if etag not in (None, "*"):
        found.append(_check(call, "GetObject", bucket, key))
    if version and bypasses_governance(call):
        found.append(_check(call, "BypassGovernanceRetention", bucket, key))
    return found


def bypasses_governance(call: Call) -> bool:
    """Tell whether the call asks to overrule Object Lock's governance mode."""
    return call.incoming.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"


def listing_check(call: Call, bucket: str) -> Check:
    """Return the question whether the caller may know which objects there are."""
    return _check(call, "ListBucket", bucket, None)


def _further(call: Call, bucket: str, key: str | None) -> Iterator[Check]:
    """Yield what a write asks beside its own action: the source of a copy, the ETag it compares, what headers set."""
    from_bucket, from_key, version = copy_source(call)
    if from_bucket:
        get_bucket(from_bucket)
        yield _check(call, "GetObjectVersion" if version else "GetObject", from_bucket, from_key)
    headers = call.incoming.headers
    if call.action in WRITES and "if-match" in headers:
        yield _check(call, "GetObject", bucket, key)
    if call.action in (*WRITES, "CreateMultipartUpload"):
        for name in (name for header, name in _WITH_HEADER.items() if header in headers):
            yield _check(call, name, bucket, key)
    yield from _key_checks(call, bucket, key)
    if call.action == "PutObjectRetention" and bypasses_governance(call):
        yield _check(call, "BypassGovernanceRetention", bucket, key)


def _key_checks(call: Call, bucket: str, key: str | None) -> Iterator[Check]:
    """Yield what a write with a KMS key of the account, and reading what it has encrypted, asks of KMS.

    As with a key whose policy leaves it to IAM; AWS's own key ``aws/s3`` asks for nothing ("Using server-side
    encryption with AWS KMS keys", S3 user guide).
    """
    wanted = call.incoming.headers.get("x-amz-server-side-encryption-aws-kms-key-id")
    if wanted and call.action in ("PutObject", "CopyObject", "CreateMultipartUpload"):
        yield Check("kms:GenerateDataKey", _key_arn(call, wanted))
    if call.action == "GetObject" and key:
        present = current_object(get_bucket(bucket), key)
        if used := getattr(present, "kms_key_id", None):
            yield Check("kms:Decrypt", _key_arn(call, used))


def _key_arn(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:kms:{call.region}:{call.account}:key/{name.split('/')[-1]}"


def _versioned(call: Call, action: str) -> str:
    if action in _VERSIONED and "versionId" in call.incoming.arguments:
        verb, _, rest = action.partition("Object")
        return f"{verb}ObjectVersion{rest}"
    return action


def _check(call: Call, action: str, bucket: str, key: str | None) -> Check:
    stored = find_bucket(bucket)
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
    for name in ("if-match", "if-none-match"):
        if name in headers:
            context[f"s3:{name}"] = [headers[name]]
    if call.action in _PARTS:
        context.update(_upload_encryption(call))
    if call.action in _CREATES:
        context["s3:ObjectCreationOperation"] = [str(call.action in WRITES).lower()]
    return context


def _upload_encryption(call: Call) -> dict[str, list[str]]:
    """Return the encryption keys of the upload that a part belongs to: only its creation has the headers.

    Clients of S3 send them with CreateMultipartUpload alone, and policies that demand them let the parts pass.
    """
    bucket = find_bucket(call.params["Bucket"])
    upload = bucket.multiparts.get(call.params["UploadId"]) if bucket is not None else None
    name = "s3:x-amz-server-side-encryption"
    pairs = {
        name: getattr(upload, "sse_encryption", None),
        f"{name}-aws-kms-key-id": getattr(upload, "kms_key_id", None),
    }
    return {key: [value] for key, value in pairs.items() if value}


def _document(policy: Any) -> str:
    return policy.decode() if isinstance(policy, bytes) else str(policy)
