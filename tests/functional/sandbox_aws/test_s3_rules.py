"""S3's rules beside permissions: conditions, limits, digests, encryption, Object Lock; the values are AWS's."""

from __future__ import annotations

import hashlib
import json
import threading
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from jupyter_emr_connect.sandbox.aws.s3.stored import backend_of, get_bucket

BUCKET = "emr-sandbox-notebooks"
EMPTY = hashlib.sha256(b"").hexdigest()
PART = b"p" * 5 * 1024 * 1024


@pytest.fixture
def s3(front):
    return front.client("s3")


def put(s3, key="n", body=b"1", **headers):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=body, **headers)["ETag"]


def delete(s3, key="n", **headers):
    return s3.delete_object(Bucket=BUCKET, Key=key, **headers)


def exists(s3, key="n"):
    return bool(s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents"))


def upload(s3, key, *bodies):
    """Return the arguments with which to complete an upload of these parts."""
    upload_id = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload_id, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]
    return {"Bucket": BUCKET, "Key": key, "UploadId": upload_id, "MultipartUpload": {"Parts": parts}}


def test_a_write_may_demand_the_object_that_was_read(s3, refused):
    assert refused(s3.put_object, Bucket=BUCKET, Key="n", Body=b"", IfMatch='"x"')[::2] == ("NoSuchKey", 404)
    etag = put(s3)
    assert refused(s3.put_object, Bucket=BUCKET, Key="n", Body=b"", IfMatch='"x"')[::2] == ("PreconditionFailed", 412)
    put(s3, body=b"2", IfMatch=etag)
    delete(s3)
    assert refused(s3.put_object, Bucket=BUCKET, Key="n", Body=b"", IfMatch=etag)[::2] == ("NoSuchKey", 404)
    put(s3, body=b"3", IfNoneMatch="*")


def test_a_write_takes_no_etag_that_must_not_match(s3, refused):
    put(s3)
    code, _, status = refused(s3.put_object, Bucket=BUCKET, Key="n", Body=b"2", IfNoneMatch='"x"')
    assert (code, status) == ("NotImplemented", 501)
    assert s3.get_object(Bucket=BUCKET, Key="n")["Body"].read() == b"1"


def test_a_delete_may_demand_the_object_that_was_read(s3, refused):
    for condition in ("*", '"x"'):
        assert refused(delete, s3=s3, IfMatch=condition)[::2] == ("NoSuchKey", 404)
    etag = put(s3)
    assert refused(delete, s3=s3, IfMatch='"x"')[::2] == ("PreconditionFailed", 412)
    assert exists(s3)
    delete(s3, IfMatch=etag)
    assert not exists(s3)
    assert refused(delete, s3=s3, IfMatch=etag)[::2] == ("NoSuchKey", 404)  # a delete marker is no object
    put(s3)
    delete(s3, IfMatch="*")
    assert not exists(s3)


def test_a_version_is_not_deleted_under_a_condition(s3, refused, front):
    version = s3.put_object(Bucket=BUCKET, Key="n", Body=b"1")["VersionId"]
    admin = front.client("s3", "administrator")
    code, _, status = refused(delete, s3=admin, VersionId=version, IfMatch="*")
    assert (code, status) == ("NotImplemented", 501)
    assert exists(s3)


def test_a_bulk_delete_holds_each_object_to_its_own_etag(s3):
    first, second = put(s3, "a"), put(s3, "b", b"2")
    objects = [{"Key": "a", "ETag": first}, {"Key": "b", "ETag": first}, {"Key": "c", "ETag": second}, {"Key": "d"}]
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": objects})
    assert [row["Key"] for row in answer["Deleted"]] == ["a", "d"]
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("b", "PreconditionFailed"), ("c", "NoSuchKey")]
    assert exists(s3, "b")
    assert "Deleted" not in s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "b"}], "Quiet": True})


def test_an_upload_may_be_completed_under_a_condition(s3, refused):
    etag = put(s3)
    done = upload(s3, "n", PART, b"end")
    assert refused(s3.complete_multipart_upload, **done, IfMatch='"x"')[::2] == ("PreconditionFailed", 412)
    assert refused(s3.complete_multipart_upload, **done, IfNoneMatch="*")[::2] == ("PreconditionFailed", 412)
    assert s3.head_object(Bucket=BUCKET, Key="n")["ContentLength"] == 1
    s3.complete_multipart_upload(**done, IfMatch=etag)
    s3.complete_multipart_upload(**done, IfMatch=etag)  # a repetition of what was done is no conflict
    assert s3.head_object(Bucket=BUCKET, Key="n")["ContentLength"] == len(PART) + 3
    assert refused(s3.complete_multipart_upload, **upload(s3, "small", b"1", b"2"))[0] == "EntityTooSmall"


def test_a_copy_may_have_conditions_on_both_sides(s3, refused):
    etag, other = put(s3, "a"), put(s3, "b", b"2")
    copy = {"Bucket": BUCKET, "Key": "b", "CopySource": {"Bucket": BUCKET, "Key": "a"}}
    assert refused(s3.copy_object, **copy, IfNoneMatch="*")[0] == "PreconditionFailed"
    assert refused(s3.copy_object, **copy, IfMatch=etag)[0] == "PreconditionFailed"
    assert refused(s3.copy_object, **copy, CopySourceIfMatch=other)[0] == "PreconditionFailed"
    s3.copy_object(**copy, IfMatch=other, CopySourceIfMatch=etag)
    assert s3.get_object(Bucket=BUCKET, Key="b")["Body"].read() == b"1"


def test_of_two_writers_with_a_condition_one_wins(s3):
    etag, outcomes, ready = (
        put(s3, body=b"before"),
        [],
        threading.Barrier(8),
    )  # no writer's body and ETag

    def write(number):
        ready.wait()
        try:
            put(s3, body=b"%d" % number, IfMatch=etag)
            outcomes.append("won")
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["PreconditionFailed"] * 7 + ["won"]


def test_a_write_that_compares_needs_to_read_too(front, refused):
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    etag = put(front.client("s3"))
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    front.client("s3", "administrator").put_bucket_policy(Bucket=BUCKET, Policy=policy)
    s3 = front.client("s3")
    code, message, _ = refused(s3.put_object, Bucket=BUCKET, Key="n", Body=b"2", IfMatch=etag)
    assert code == "AccessDenied"
    assert "s3:GetObject" in message
    assert refused(delete, s3=s3, IfMatch=etag)[0] == "AccessDenied"
    delete(s3, IfMatch="*")


def test_a_bucket_may_demand_conditions(front, refused):
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        "Condition": {
            "Null": {"s3:if-none-match": "true", "s3:if-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        },
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    front.client("s3", "administrator").put_bucket_policy(Bucket=BUCKET, Policy=policy)
    s3 = front.client("s3")
    assert refused(s3.put_object, Bucket=BUCKET, Key="n", Body=b"1")[0] == "AccessDenied"
    put(s3, IfNoneMatch="*")
    done = upload(s3, "m", b"1")
    assert refused(s3.complete_multipart_upload, **done)[0] == "AccessDenied"
    s3.complete_multipart_upload(**done, IfNoneMatch="*")


def test_a_page_has_a_thousand_rows_at_most(front, refused):
    s3 = front.client("s3")
    bucket = get_bucket(BUCKET)
    for number in range(1001):
        backend_of(bucket).put_object(BUCKET, f"{number:04}", b"")
    page = s3.list_objects_v2(Bucket=BUCKET, MaxKeys=5000)
    assert (page["KeyCount"], page["IsTruncated"], page["MaxKeys"]) == (1000, True, 1000)
    assert s3.list_objects(Bucket=BUCKET, MaxKeys=1001)["IsTruncated"]
    versions = front.client("s3", "administrator").list_object_versions(Bucket=BUCKET, MaxKeys=2000)
    assert len(versions["Versions"]) == 1000
    assert refused(s3.list_objects_v2, Bucket=BUCKET, MaxKeys=-1)[0] == "InvalidArgument"
    objects = [{"Key": f"{number:04}"} for number in range(1001)]
    code, _, status = refused(s3.delete_objects, Bucket=BUCKET, Delete={"Objects": objects})
    assert (code, status) == ("MalformedXML", 400)
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": objects[:1000]})
    assert len(answer["Deleted"]) == 1000
    assert [row["Key"] for row in s3.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["1000"]


@pytest.mark.parametrize("lists", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("prefix", ["", "t <é>/"])
def test_a_folder_goes_with_its_last_object(s3, lists, prefix):
    for key in ("old/a/1", "old/2", "kept/1", "kept/2", "file"):
        put(s3, prefix + key)
    for key in ("old/a/1", "old/2", "kept/1"):
        delete(s3, prefix + key)
    page = getattr(s3, lists)(Bucket=BUCKET, Prefix=prefix, Delimiter="/")
    assert [row["Prefix"] for row in page["CommonPrefixes"]] == [f"{prefix}kept/"]
    assert [row["Key"] for row in page["Contents"]] == [f"{prefix}file"]
    assert page.get("KeyCount", 2) == 2


@pytest.mark.parametrize(
    "headers",
    [{"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, {"ChecksumCRC32": "AAAAAA=="}, {"ChecksumSHA256": "A" * 43 + "="}],
)
def test_a_body_that_is_not_what_its_digest_says_is_not_stored(s3, refused, headers):
    code, _, status = refused(s3.put_object, Bucket=BUCKET, Key="n", Body=b"1", **headers)
    assert (code, status) == ("BadDigest", 400)
    assert not exists(s3)


def test_a_digest_is_not_kept_with_the_object(s3):
    put(s3, body=b"1", ContentMD5="xMpCOKC5I4INzFCab3WEmw==")
    headers = s3.head_object(Bucket=BUCKET, Key="n")["ResponseMetadata"]["HTTPHeaders"]
    assert "content-md5" not in headers


def test_everything_is_encrypted_unless_it_is_said_otherwise(front, refused):
    s3, admin = front.client("s3"), front.client("s3", "administrator")
    admin.create_bucket(Bucket="new")
    for bucket in ("new", BUCKET):
        rule = admin.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.put_object(Bucket=BUCKET, Key="n", Body=b"1")["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket=BUCKET, Key="n")["ServerSideEncryption"] == "AES256"
    key = "arn:aws:kms:us-east-1:123456789012:key/1"
    assert refused(s3.put_object, Bucket=BUCKET, Key="n", Body=b"", SSEKMSKeyId=key)[0] == "InvalidArgument"
    with_my_key = {"x_amz_server_side_encryption_customer_algorithm": "AES256", "x_amz_content_sha256": EMPTY}
    answer = front.send_signed(b"", service="s3", path=f"/{BUCKET}/n", method="PUT", **with_my_key)
    assert (answer.status, b"SSE-C" in answer.body) == (501, True)


def test_a_locked_version_stays(front, refused):
    admin = front.client("s3", "administrator")
    admin.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    until = datetime.now(timezone.utc) + timedelta(days=1)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    version = admin.put_object(Bucket="locked", Key="n", Body=b"1", **lock)["VersionId"]
    gone = {"Bucket": "locked", "Key": "n", "VersionId": version}
    assert refused(admin.delete_object, **gone)[0] == "AccessDenied"
    assert refused(admin.delete_object, **gone, BypassGovernanceRetention=False)[0] == "AccessDenied"
    entry = {"Key": "n", "VersionId": version}
    answer = admin.delete_objects(Bucket="locked", Delete={"Objects": [entry]})
    assert answer["Errors"][0]["Message"] == "Access Denied because object protected by object lock."
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:BypassGovernanceRetention",
        "Resource": "arn:aws:s3:::locked/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    admin.put_bucket_policy(Bucket="locked", Policy=policy)
    assert "s3:BypassGovernanceRetention" in refused(admin.delete_object, **gone, BypassGovernanceRetention=True)[1]
    admin.delete_bucket_policy(Bucket="locked")
    admin.delete_object(**gone, BypassGovernanceRetention=True)


def test_a_bucket_locks_uploads_in_parts_too(front, refused):
    admin = front.client("s3", "administrator")
    admin.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    admin.put_object_lock_configuration(
        Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    upload_id = admin.create_multipart_upload(Bucket="locked", Key="n")["UploadId"]
    part = admin.upload_part(Bucket="locked", Key="n", UploadId=upload_id, PartNumber=1, Body=b"1")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    version = admin.complete_multipart_upload(Bucket="locked", Key="n", UploadId=upload_id, MultipartUpload=parts)[
        "VersionId"
    ]
    assert refused(admin.delete_object, Bucket="locked", Key="n", VersionId=version)[0] == "AccessDenied"
