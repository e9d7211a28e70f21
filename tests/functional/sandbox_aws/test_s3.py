"""S3 behind the same checks: moto keeps the objects, we check who may touch them."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
from botocore.exceptions import ClientError

BUCKET = "emr-sandbox-notebooks"
KEYS = ["plain.ipynb", "with space/ü+&=@:,$!'()*~.ipynb", "a//b", "trailing/", "100%.txt", "%2Fencoded", "日本/語"]


@pytest.mark.parametrize("key", KEYS)
def test_every_key_goes_and_comes_back(front, key):
    client = front.client("s3")
    client.put_object(Bucket=BUCKET, Key=key, Body=b"content", Metadata={"owner": "me", "under_score": "kept"})
    found = client.get_object(Bucket=BUCKET, Key=key)
    assert found["Body"].read() == b"content"
    assert found["Metadata"]["owner"] == "me"
    assert key in [row["Key"] for row in client.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert client.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == 7
    client.delete_object(Bucket=BUCKET, Key=key)


def test_the_buckets_are_versioned(front):
    client = front.client("s3")
    first = client.put_object(Bucket=BUCKET, Key="n", Body=b"1")["VersionId"]
    second = client.put_object(Bucket=BUCKET, Key="n", Body=b"2")["VersionId"]
    assert first != second
    assert client.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"


def test_conditional_writes_protect_from_lost_updates(front, refused):
    client = front.client("s3")
    etag = client.put_object(Bucket=BUCKET, Key="n", Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(client.put_object, Bucket=BUCKET, Key="n", Body=b"2", IfNoneMatch="*")[0] == "PreconditionFailed"
    client.put_object(Bucket=BUCKET, Key="n", Body=b"2", IfMatch=etag)
    assert refused(client.put_object, Bucket=BUCKET, Key="n", Body=b"3", IfMatch=etag)[0] == "PreconditionFailed"


def test_large_and_streamed_bodies(front):
    client = front.client("s3")
    data = bytes(range(256)) * 80_000
    client.upload_fileobj(io.BytesIO(data), BUCKET, "large")
    back = io.BytesIO()
    client.download_fileobj(BUCKET, "large", back)
    assert hashlib.sha256(back.getvalue()).digest() == hashlib.sha256(data).digest()


def test_a_denied_object_names_action_and_resource(front, refused):
    code, message, status = refused(front.client("s3").get_object, Bucket="emr-sandbox-data", Key="x")
    assert (code, status) == ("AccessDenied", 403)
    assert message == (
        "User: arn:aws:iam::123456789012:user/developer is not authorized to perform: s3:GetObject on resource: "
        "arn:aws:s3:::emr-sandbox-data/x because no identity-based policy allows the s3:GetObject action"
    )


def test_a_head_of_a_denied_object_is_403(front):
    with pytest.raises(ClientError) as caught:
        front.client("s3").head_object(Bucket="emr-sandbox-data", Key="x")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_copy_needs_the_source_too(front, refused):
    front.client("s3", "administrator").put_object(Bucket="emr-sandbox-data", Key="secret", Body=b"1")
    client = front.client("s3")
    source = {"Bucket": "emr-sandbox-data", "Key": "secret"}
    _, message, _ = refused(client.copy_object, Bucket=BUCKET, Key="mine", CopySource=source)
    assert "s3:GetObject on resource: arn:aws:s3:::emr-sandbox-data/secret" in message
    client.put_object(Bucket=BUCKET, Key="a b", Body=b"1")
    client.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "a b"})


def test_a_bulk_delete_asks_for_each_object(front):
    admin = front.client("s3", "administrator")
    admin.put_object(Bucket="emr-sandbox-data", Key="x", Body=b"1")
    client = front.client("s3")
    delete = {"Objects": [{"Key": "x"}]}
    answer = client.delete_objects(Bucket="emr-sandbox-data", Delete=delete)
    assert "Deleted" not in answer
    assert [(error["Key"], error["Code"]) for error in answer["Errors"]] == [("x", "AccessDenied")]
    assert "s3:DeleteObject on resource: arn:aws:s3:::emr-sandbox-data/x" in answer["Errors"][0]["Message"]
    assert admin.head_object(Bucket="emr-sandbox-data", Key="x")
    client.put_object(Bucket=BUCKET, Key="x", Body=b"1")
    assert client.delete_objects(Bucket=BUCKET, Delete=delete)["Deleted"]


def test_bucket_policies_count(front, refused):
    admin = front.client("s3", "administrator")
    admin.put_object(Bucket="emr-sandbox-data", Key="shared/x", Body=b"1")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:user/denied"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::emr-sandbox-data/shared/*",
    }
    admin.put_bucket_policy(
        Bucket="emr-sandbox-data", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    client = front.client("s3", "denied")
    assert client.get_object(Bucket="emr-sandbox-data", Key="shared/x")["Body"].read() == b"1"
    assert refused(client.get_object, Bucket="emr-sandbox-data", Key="other")[0] == "AccessDenied"
    statement["Effect"] = "Deny"
    admin.put_bucket_policy(
        Bucket="emr-sandbox-data", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    _, message, _ = refused(client.get_object, Bucket="emr-sandbox-data", Key="shared/x")
    assert message.endswith("with an explicit deny in a resource-based policy")


def test_a_missing_key_is_told_to_who_may_list(front, refused):
    assert refused(front.client("s3").get_object, Bucket=BUCKET, Key="none")[0] == "NoSuchKey"
    found = front.client("sts", "administrator").get_caller_identity()["Arn"]
    admin = front.client("s3", "administrator")
    allow = {"Effect": "Allow", "Principal": {"AWS": found.replace("administrator", "denied")}}
    statement = {**allow, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::emr-sandbox-data/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    admin.put_bucket_policy(Bucket="emr-sandbox-data", Policy=policy)
    code, message, status = refused(front.client("s3", "denied").get_object, Bucket="emr-sandbox-data", Key="none")
    assert (code, status) == ("AccessDenied", 403)
    assert "s3:ListBucket on resource: arn:aws:s3:::emr-sandbox-data" in message


@pytest.mark.parametrize("profile", ["administrator", "developer", "denied"])
def test_a_bucket_that_does_not_exist_is_said_to_everybody(front, refused, profile):
    client = front.client("s3", profile)
    for call in (client.list_objects_v2, client.get_bucket_location):
        code, message, status = refused(call, Bucket="no-such-bucket")
        assert (code, message, status) == ("NoSuchBucket", "The specified bucket does not exist", 404)
    assert refused(client.get_object, Bucket="no-such-bucket", Key="k")[0] == "NoSuchBucket"
    assert refused(client.put_object, Bucket="no-such-bucket", Key="k", Body=b"")[0] == "NoSuchBucket"
    assert refused(client.head_bucket, Bucket="no-such-bucket")[2] == 404
