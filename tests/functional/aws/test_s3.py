"""Objects in S3, on the sandbox's S3: conditional writes, versions, parts, and what its refusals say."""

from __future__ import annotations

import io
import json

import pytest
from botocore.exceptions import ClientError

from jupyter_emr_connect.aws.s3 import MULTIPART_BYTES, Encryption, S3Store
from jupyter_emr_connect.aws.session import SessionKey, forget, open_session
from jupyter_emr_connect.errors import (
    AccessDenied,
    AWSError,
    BucketNotFound,
    FileInMotion,
    ObjectChanged,
    ObjectNotFound,
)

BUCKET, DATA = "emr-sandbox-notebooks", "emr-sandbox-data"
ODD_KEYS = [
    "p/100% +#?='~&.ipynb",
    "p/line\nbreak.ipynb",
    "p/\N{SNOWMAN}\U0001f600.ipynb",
    "p/e\N{COMBINING ACUTE ACCENT}.ipynb",
    "p/\N{LATIN SMALL LETTER E WITH ACUTE}.ipynb",
    "p/case.ipynb",
    "p/Case.ipynb",
    "p/" + "x" * 1022,
    "p/a//b",
]


@pytest.fixture
def store(cloud):
    return S3Store(BUCKET)


@pytest.fixture
def admin(cloud):
    return open_session("administrator")


def as_admin(bucket: str) -> S3Store:
    return S3Store(bucket, SessionKey("administrator"))


def deny_puts(admin, condition):
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
    admin.call("s3", "PutBucketPolicy", Bucket=BUCKET, Policy=json.dumps(policy))


def test_what_is_written_is_read_with_its_metadata_and_version(store):
    written = store.put(
        "p/n.ipynb", b"one", content_type="application/x-ipynb+json", metadata={"emr-connect-host": "h"}
    )
    found = store.get("p/n.ipynb")
    assert found.read() == b"one"
    assert (found.version.etag, found.version.version_id) == (written.etag, written.version_id)
    assert found.version.content_type == "application/x-ipynb+json"
    assert found.version.metadata["emr-connect-host"] == "h"
    head = store.head("p/n.ipynb")
    assert (head.size, head.etag, head.sha256) == (3, written.etag, found.version.sha256)
    assert store.get("p/n.ipynb", start=1).read() == b"ne"
    assert store.head("p/none") is None


def test_a_write_that_would_overwrite_is_refused(store):
    first = store.put("n", b"1", if_none_match=True)
    with pytest.raises(ObjectChanged, match="somebody else"):
        store.put("n", b"2", if_none_match=True)
    second = store.put("n", b"2", if_match=first.etag)
    with pytest.raises(ObjectChanged) as caught:
        store.put("n", b"3", if_match=first.etag)
    assert isinstance(caught.value.__cause__, ClientError)
    with pytest.raises(ObjectChanged):
        store.delete("n", if_match=first.etag)
    assert store.delete("n", if_match=second.etag)  # the delete marker's id
    with pytest.raises(ObjectNotFound):
        store.put("n", b"4", if_match=second.etag)
    with pytest.raises(ObjectNotFound):
        store.get("n")


def test_the_same_content_is_no_conflict(store):
    """As after an answer that was lost: botocore sends the write again, and S3 refuses the condition."""
    written = store.put("n", b"same", if_none_match=True)
    again = store.put("n", b"same", if_none_match=True)
    assert again.already
    assert (again.etag, again.version_id) == (written.etag, written.version_id)
    open_session("developer").call("s3", "PutObject", Bucket=BUCKET, Key="byhand", Body=b"same")
    assert store.put("byhand", b"same", if_none_match=True).already
    with pytest.raises(ObjectChanged):
        store.put("byhand", b"diff", if_none_match=True)


@pytest.mark.slow
def test_a_large_file_goes_in_parts_under_the_same_conditions(store, cloud):
    content = bytes(range(256)) * (MULTIPART_BYTES // 256) + b"rest"
    written = store.put("large", io.BytesIO(content), if_none_match=True)
    assert cloud.calls("UploadPart") == 2
    assert store.get("large").read() == content
    with pytest.raises(ObjectChanged):
        store.put("large", io.BytesIO(content + b"!"), if_none_match=True)
    assert cloud.calls("AbortMultipartUpload") == 1
    assert store.put("large", io.BytesIO(content), if_none_match=True).already
    assert store.put("large", io.BytesIO(content + b"!"), if_match=written.etag).version_id != written.version_id


def test_a_large_file_that_is_written_meanwhile_is_not_written_torn(store, cloud):
    class Written(io.BytesIO):
        """Another file each time it is read from its beginning."""

        def seek(self, position: int, whence: int = 0) -> int:
            self.getbuffer()[0] ^= 1
            return super().seek(position, whence)

    with pytest.raises(FileInMotion):
        store.put("large", Written(bytes(MULTIPART_BYTES + 1)))
    assert store.head("large") is None
    assert cloud.calls("AbortMultipartUpload") == 1


@pytest.mark.slow
@pytest.mark.parametrize("key", ODD_KEYS)
def test_every_name_is_kept_byte_for_byte(store, key):
    written = store.put(key, key.encode(), metadata={"emr-connect-host": "h"})
    assert [row.key for page in store.objects("p/") for row in page] == [key]
    assert [row.key for page in store.versions("p/") for row in page] == [key]
    copied = store.copy(key, "copy", if_match=written.etag)
    assert store.get("copy", copied.version_id).read() == key.encode()
    assert store.head("copy").metadata["emr-connect-host"] == "h"
    store.delete(key)
    assert store.head(key) is None


def test_versions_come_newest_first_with_deletions(cloud):
    store = as_admin(BUCKET)
    first, second = store.put("n", b"1"), store.put("n", b"22")
    marker = store.delete("n")
    rows = [row for page in store.versions("n") for row in page]
    assert [(row.version_id, row.deleted, row.latest) for row in rows] == [
        (marker, True, True),
        (second.version_id, False, False),
        (first.version_id, False, False),
    ]
    assert store.get("n", first.version_id).read() == b"1"
    with pytest.raises(ObjectNotFound):
        store.get("n", marker)


def test_a_bucket_without_versions_has_no_version_ids(cloud, admin):
    admin.call("s3", "CreateBucket", Bucket="plain")
    store = as_admin("plain")
    assert store.put("n", b"1").version_id is None
    assert store.head("n").version_id is None
    assert [row.version_id for page in store.versions("") for row in page] == [None]
    assert store.copy("n", "m").version_id is None


@pytest.mark.parametrize(
    ("use", "action"),
    [
        (lambda store: store.head("x"), "s3:GetObject"),
        (lambda store: store.get("x"), "s3:GetObject"),
        (lambda store: store.put("x", b""), "s3:PutObject"),
        (lambda store: store.put("x", b"1" * (MULTIPART_BYTES + 1)), "s3:PutObject"),
        (lambda store: store.delete("x"), "s3:DeleteObject"),
        (lambda store: store.copy("x", "y"), "s3:PutObject"),
        (lambda store: list(store.objects("x")), "s3:ListBucket"),
        (lambda store: list(store.versions("x")), "s3:ListBucketVersions"),
    ],
    ids=["head", "get", "put", "parts", "delete", "copy", "objects", "versions"],
)
def test_a_denied_call_names_action_and_resource(cloud, use, action):
    with pytest.raises(AccessDenied) as caught:
        use(S3Store(DATA))
    assert caught.value.iam_action == action
    assert f"{action} on arn:aws:s3:::{DATA}" in caught.value.message


def test_a_bucket_that_is_not_there_is_named(cloud):
    for use in (lambda store: store.put("n", b""), lambda store: store.get("n"), lambda store: list(store.objects(""))):
        with pytest.raises(BucketNotFound, match="'no-such-bucket'"):
            use(S3Store("no-such-bucket"))


def test_a_policy_that_demands_encryption_is_named_by_its_header(cloud, admin, store):
    deny_puts(admin, {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}})
    with pytest.raises(AccessDenied) as caught:
        store.put("n", b"1")
    assert "x-amz-server-side-encryption" in caught.value.message
    assert "EMRConnect.backup_encryption" in caught.value.fix
    with pytest.raises(AccessDenied, match="demands the header x-amz-server-side-encryption: aws:kms"):
        as_admin(BUCKET).put("n", b"1")  # who may read the policy is told the value
    encrypted = S3Store(BUCKET, encryption=Encryption("aws:kms", "alias/backups", bucket_key=True))
    encrypted.put("n", b"1", if_none_match=True)
    answer = admin.call("s3", "HeadObject", Bucket=BUCKET, Key="n")
    assert (answer["ServerSideEncryption"], answer["BucketKeyEnabled"]) == ("aws:kms", True)
    assert "alias/backups" in answer["SSEKMSKeyId"]
    encrypted.copy("n", "copy")
    encrypted.put("large", b"1" * (MULTIPART_BYTES + 1))
    assert admin.call("s3", "HeadObject", Bucket=BUCKET, Key="large")["ServerSideEncryption"] == "aws:kms"


def test_a_key_that_is_too_long_says_what_to_do(store):
    with pytest.raises(AWSError, match=r"1,024 bytes"):
        store.put("x" * 1025, b"")


def test_who_may_list_one_prefix_alone_is_told_what_is_missing_there(cloud, admin):
    """Such a policy's condition fails where S3 asks whether the caller may know that an object is not there."""
    about = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:user/denied"}}
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {**about, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{DATA}/team/*"},
            {
                **about,
                "Action": "s3:ListBucket",
                "Resource": f"arn:aws:s3:::{DATA}",
                "Condition": {"StringLike": {"s3:prefix": "team/*"}},
            },
        ],
    }
    as_admin(DATA).put("team/there", b"1")
    admin.call("s3", "PutBucketPolicy", Bucket=DATA, Policy=json.dumps(policy))
    store = S3Store(DATA, SessionKey("denied"))
    assert store.head("team/there").size == 1
    assert store.head("team/none") is None
    with pytest.raises(ObjectNotFound):
        store.get("team/none")
    with pytest.raises(AccessDenied, match=r"s3:GetObject on arn:aws:s3:::emr-sandbox-data/other"):
        store.head("other")


def test_a_key_that_the_caller_may_not_use_is_named_with_its_action(cloud):
    cloud.world.faults.set("deny:kms:GenerateDataKey")
    arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    encrypted = S3Store(BUCKET, encryption=Encryption("aws:kms", arn))
    for size in (1, MULTIPART_BYTES + 1):
        with pytest.raises(AccessDenied) as caught:
            encrypted.put("n", b"1" * size)
        assert caught.value.iam_action == "kms:GenerateDataKey"
        assert f"kms:GenerateDataKey on {arn}" in caught.value.message
        assert "kms:GenerateDataKey" in caught.value.fix
        assert "header" not in caught.value.message
    cloud.world.faults.clear()
    encrypted.put("n", b"1")
    cloud.world.faults.set("deny:kms:Decrypt")
    with pytest.raises(AccessDenied, match="kms:Decrypt"):
        encrypted.get("n")


def test_a_bucket_in_another_region_is_found(cloud, admin):
    elsewhere = open_session("administrator", "eu-west-1")
    where = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    elsewhere.call("s3", "CreateBucket", Bucket="in-ireland", **where)
    for first in (
        lambda store: store.head("none") is None,
        lambda store: store.put("n", b"1").etag,
        lambda store: next(store.objects("")),
        lambda store: store.copy("n", "m"),
    ):
        forget()  # each is the first call of its session, which does not know the region yet
        assert first(S3Store("in-ireland", SessionKey("administrator", "us-east-1")))


def test_a_bucket_with_object_lock_takes_writes_and_deletes(cloud, admin):
    admin.call("s3", "CreateBucket", Bucket="locked", ObjectLockEnabledForBucket=True)
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    rule = {"ObjectLockEnabled": "Enabled", "Rule": retention}
    admin.call("s3", "PutObjectLockConfiguration", Bucket="locked", ObjectLockConfiguration=rule)
    store = as_admin("locked")
    first = store.put("n", b"1", if_none_match=True)
    second = store.put("n", b"2", if_match=first.etag)
    assert store.delete("n", if_match=second.etag)  # a marker: nothing is lost
    assert store.get("n", first.version_id).read() == b"1"
    with pytest.raises(AccessDenied, match="s3:DeleteObject"):
        store.delete("n", version_id=first.version_id)


@pytest.mark.parametrize(
    ("setting", "endpoint", "address"),
    [
        ("use_dualstack_endpoint = true", "", "https://bucket.s3.dualstack.us-east-1.amazonaws.com/n"),
        ("s3 =\n  addressing_style = path", "", "https://s3.amazonaws.com/bucket/n"),
        ("", "http://127.0.0.1:1", "http://127.0.0.1:1/bucket/n"),
    ],
    ids=["dual-stack", "path-style", "own-endpoint"],
)
def test_the_profile_says_how_a_bucket_is_addressed(cloud, monkeypatch, setting, endpoint, address):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    about = "region = us-east-1\naws_access_key_id = a\naws_secret_access_key = b\n"
    with (cloud.folder / "config").open("a") as config:
        config.write(f"[profile mine]\n{about}{setting}\n")
    sent = []

    class Stop(Exception):
        pass

    def stop(request, **context):
        sent.append(request.url)
        raise Stop

    client = open_session("mine")._client("s3")
    client.meta.events.register("before-send.s3.PutObject", stop)
    with pytest.raises(Stop):
        client.put_object(Bucket="bucket", Key="n", Body=b"")
    assert sent == [address]
