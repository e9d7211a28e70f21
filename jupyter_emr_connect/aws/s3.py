"""S3: the objects of one bucket, with conditional writes, versions, and errors that say what to do.

Every function blocks; callers with an event loop run it in a thread (``run_in(AWS, …)``). Field names and meanings:
botocore's model of ``s3``, 2006-03-01; conditional requests: "Add preconditions to S3 operations" (S3 user guide).
Region of the bucket, path style, dual-stack and ``AWS_ENDPOINT_URL_S3`` are as botocore finds them: it asks again in
the bucket's own region where the first one was wrong.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from ..errors import (
    AccessDenied,
    AWSError,
    AWSUnavailable,
    EMRConnectError,
    FileInMotion,
    ObjectChanged,
    ObjectNotFound,
)
from .errors import error_code
from .s3_errors import explained
from .session import AWSSession, SessionKey, open_session

MULTIPART_BYTES = 16 * 1024 * 1024
"""Larger bodies go in parts of this size: 10,000 parts at most, so 160 GB."""
CHUNK_BYTES = 256 * 1024
STREAM_ATTEMPTS = 4
CONFLICT_ATTEMPTS = 3
SHA256 = "emr-connect-sha256"
"""Metadata of each object that :meth:`S3Store.put` writes: SHA-256 of the body, in hexadecimal."""


@dataclass(frozen=True)
class Encryption:
    """What a write asks of S3; nothing set leaves it to the bucket's own default.

    ``algorithm`` is ``AES256``, ``aws:kms`` or ``aws:kms:dsse``; ``key_id`` the KMS key's id, ARN or alias.
    """

    algorithm: str | None = None
    key_id: str | None = None
    bucket_key: bool | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of a write in botocore's names."""
        wanted = {
            "ServerSideEncryption": self.algorithm or ("aws:kms" if self.key_id else None),
            "SSEKMSKeyId": self.key_id,
            "BucketKeyEnabled": self.bucket_key,
        }
        return {name: value for name, value in wanted.items() if value is not None}


@dataclass(frozen=True)
class ObjectVersion:
    """An object, or one version of it, as S3 tells of it; ``size`` in bytes, ``modified`` in S3's own clock.

    ``version_id`` is None where the bucket keeps no versions. A listing has neither ``metadata`` nor ``content_type``.
    ``deleted`` means a delete marker.
    """

    key: str
    etag: str
    size: int
    modified: datetime
    version_id: str | None = None
    latest: bool = True
    deleted: bool = False
    content_type: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the content in hexadecimal, where whoever wrote the object has said it."""
        return self.metadata.get(SHA256)


@dataclass(frozen=True)
class Written:
    """What a write left in S3; ``version_id`` is None where the bucket keeps no versions.

    ``already`` means that the object had the same content before this call was answered: S3 refused the condition
    because an earlier attempt of the same write had been carried out, or somebody else has written just the same.
    """

    etag: str
    version_id: str | None
    already: bool = False


class Download:
    """The content of an object, read once, a chunk at a time; ``version`` says which object it is."""

    def __init__(self, version: ObjectVersion, chunks: Iterator[bytes]) -> None:
        self.version = version
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes; raises ``AWSUnavailable`` when the line stays cut, ``ObjectChanged`` when it was changed."""
        return self._chunks

    def read(self) -> bytes:
        """Return all bytes."""
        return b"".join(self)


class S3Store:
    """The objects of one bucket as one caller may use them; for any thread.

    The session is looked up for each call, so that a new login is seen without a restart. Every method raises our
    errors alone: ``AccessDenied`` with the missing action and the resource, ``BucketNotFound``, ``ObjectNotFound``,
    ``ObjectChanged`` (a condition did not hold), ``CredentialsExpired``, ``InvalidCredentials`` (also a wrong clock),
    ``Throttled``, ``AWSUnavailable``.
    """

    def __init__(self, bucket: str, key: SessionKey | None = None, encryption: Encryption | None = None) -> None:
        self.bucket = bucket
        self.key = key or SessionKey()
        self.encryption = encryption or Encryption()

    @property
    def session(self) -> AWSSession:
        """The caller's session in this process."""
        return open_session(self.key.profile, self.key.region, self.key.access_role)

    def head(self, key: str, version_id: str | None = None) -> ObjectVersion | None:
        """Return what S3 knows of an object or one of its versions, None when there is none."""
        try:
            answer = self._call("HeadObject", key, **_version(version_id))
        except ObjectNotFound:
            return None
        except AWSError as error:
            if error_code(error) not in ("400", "403"):
                raise
            # The answer to HEAD has no body: GET says which action is missing, or that the token has expired.
            try:
                self._open(key, version_id, 0, None, Range="bytes=0-0")["Body"].close()
            except ObjectNotFound:
                return None
            raise
        return _described(key, answer)

    def get(self, key: str, version_id: str | None = None, *, start: int = 0) -> Download:
        """Return the content of an object or of one of its versions, from byte ``start`` on, read as it comes.

        A line that is cut is opened again where it was cut, and only for the same object. Raises ``ObjectNotFound``.
        """
        answer = self._open(key, version_id, start, None)
        found = _described(key, answer)
        return Download(found, self._stream(found, version_id, start, answer["Body"]))

    def put(
        self,
        key: str,
        body: bytes | BinaryIO,
        *,
        if_match: str | None = None,
        if_none_match: bool = False,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> Written:
        """Write an object: bytes, or an open file from its present position on, in parts where it is large.

        ``if_match`` is the ETag that must still be there, ``if_none_match`` means that nothing may be there; else
        ``ObjectChanged`` is raised (``ObjectNotFound`` where ``if_match`` finds no object), save where the object has
        this very content already: then it is returned. A large file that is written meanwhile raises ``FileInMotion``.
        ``metadata`` is ASCII, 2 KB with its names.
        """
        file = io.BytesIO(body) if isinstance(body, bytes) else body
        size, digest = _measured(file)
        condition: dict[str, Any] = {"IfMatch": if_match} if if_match else {}
        if if_none_match:
            condition["IfNoneMatch"] = "*"
        about = {
            "ContentType": content_type,
            "Metadata": {**(metadata or {}), SHA256: digest},
            **self.encryption.parameters(),
        }
        if size > MULTIPART_BYTES:
            return self._conditionally(key, digest, size, lambda: self._put_parts(key, file, about, condition))
        content = file.read()
        return self._conditionally(
            key, digest, size, lambda: _written(self._call("PutObject", key, Body=content, **about, **condition))
        )

    def delete(self, key: str, *, if_match: str | None = None, version_id: str | None = None) -> str | None:
        """Delete an object, or one version for good; returns the delete marker's version id, if there is one.

        With ``if_match``, raises ``ObjectChanged`` when the object is not the one with this ETag, and
        ``ObjectNotFound`` when it is gone.
        """
        condition: dict[str, Any] = {"IfMatch": if_match} if if_match else {}
        return _version_of(self._call("DeleteObject", key, **condition, **_version(version_id)))

    def copy(self, source: str, key: str, *, version_id: str | None = None, if_match: str | None = None) -> Written:
        """Copy an object within the bucket, its metadata included, without the bytes crossing the network.

        ``version_id`` is the source's; ``if_match`` the ETag that the source must have, else ``ObjectChanged``.
        """
        condition: dict[str, Any] = {"CopySourceIfMatch": if_match} if if_match else {}
        answer = self._call(
            "CopyObject",
            key,
            CopySource={"Bucket": self.bucket, "Key": source, **_version(version_id)},
            **condition,
            **self.encryption.parameters(),
        )
        return Written(str(answer.get("CopyObjectResult", {}).get("ETag", "")), _version_of(answer))

    def objects(self, prefix: str, *, start_after: str = "") -> Iterator[list[ObjectVersion]]:
        """Yield the objects whose keys begin with ``prefix``, by key, a page (1,000) at a time."""
        further = {"StartAfter": start_after} if start_after else {}
        for page in self._pages("ListObjectsV2", Prefix=prefix, **further):
            yield [_listed(row) for row in page.get("Contents") or []]

    def versions(self, prefix: str) -> Iterator[list[ObjectVersion]]:
        """Yield all versions and delete markers of the keys that begin with ``prefix``, a page at a time.

        By key, the newest first. Needs ``s3:ListBucketVersions``.
        """
        for page in self._pages("ListObjectVersions", Prefix=prefix):
            rows = [_listed(row) for row in page.get("Versions") or []]
            rows += [_listed(row, deleted=True) for row in page.get("DeleteMarkers") or []]
            rows.sort(key=lambda row: (row.latest, row.modified), reverse=True)
            yield sorted(rows, key=lambda row: row.key.encode())

    def _conditionally(self, key: str, digest: str, size: int, write: Callable[[], Written]) -> Written:
        """Carry out a write; a condition that fails because the object has this content already is none that failed.

        botocore sends a write again when its answer is lost, and S3 then refuses the condition that its own first
        attempt has broken. Two writes at the very same time (409) are tried again, as AWS's documentation says.
        """
        for _ in range(CONFLICT_ATTEMPTS - 1):
            try:
                return write()
            except ObjectChanged as error:
                if error_code(error) != "ConditionalRequestConflict":
                    return self._same_or_raise(error, key, digest, size)
        try:
            return write()
        except ObjectChanged as error:
            return self._same_or_raise(error, key, digest, size)

    def _same_or_raise(self, error: ObjectChanged, key: str, digest: str, size: int) -> Written:
        present = self.head(key)
        if present is not None and self._has(present, digest, size):
            return Written(present.etag, present.version_id, already=True)
        raise error

    def _has(self, present: ObjectVersion, digest: str, size: int) -> bool:
        if present.size != size or present.sha256:
            return present.size == size and present.sha256 == digest
        found, written = hashlib.sha256(), self.get(present.key)
        for chunk in written:
            found.update(chunk)
        return written.version.etag == present.etag and found.hexdigest() == digest

    def _put_parts(self, key: str, file: BinaryIO, about: dict[str, Any], condition: dict[str, Any]) -> Written:
        begin, sent = file.tell(), hashlib.sha256()
        upload = self._call("CreateMultipartUpload", key, **about)["UploadId"]
        try:
            parts: list[dict[str, Any]] = []
            while content := file.read(MULTIPART_BYTES):
                number = len(parts) + 1
                sent.update(content)
                answer = self._call("UploadPart", key, UploadId=upload, PartNumber=number, Body=content)
                parts.append({"PartNumber": number, "ETag": answer["ETag"], **_checksums(answer)})
            if sent.hexdigest() != about["Metadata"][SHA256]:
                message = f"The file was written while s3://{self.bucket}/{key} was uploaded; nothing came of it."
                raise FileInMotion(message, fix="It is uploaded again by itself.")
            finish = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
            return _written(self._call("CompleteMultipartUpload", key, **finish, **condition))
        except BaseException:
            file.seek(begin)
            self._abort(key, upload)
            raise

    def _abort(self, key: str, upload: str) -> None:
        """Give up an upload whose parts would be paid for; where that fails too, the first error is what matters."""
        try:
            self._call("AbortMultipartUpload", key, UploadId=upload)
        except EMRConnectError:
            return

    def _open(self, key: str, version_id: str | None, start: int, etag: str | None, **further: Any) -> dict[str, Any]:
        condition: dict[str, Any] = {"IfMatch": etag} if etag else {}
        if start:
            condition["Range"] = f"bytes={start}-"
        try:
            return self._call("GetObject", key, **condition, **further, **_version(version_id))
        except AccessDenied as error:
            if error.iam_action == "s3:ListBucket" and self._is_missing(key):
                message = f"s3://{self.bucket}/{key} does not exist (any more)."
                raise ObjectNotFound(message, fix="List what there is.") from error
            raise

    def _is_missing(self, key: str) -> bool:
        """Tell whether a list that the caller may see lacks the key.

        S3 tells of a missing object only who may list the whole bucket; a policy for one prefix allows the list of that
        prefix, and no other way to find out.
        """
        try:
            first = next(self.objects(key), [])
        except AccessDenied:
            return False
        return all(row.key != key for row in first)

    def _stream(self, found: ObjectVersion, version_id: str | None, start: int, body: Any) -> Iterator[bytes]:
        from botocore.exceptions import BotoCoreError

        at, failures = start, 0
        while True:
            try:
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    at += len(chunk)
                    yield chunk
                return
            except BotoCoreError as error:
                failures += 1
                if failures == STREAM_ATTEMPTS:
                    message = f"The line was cut while s3://{self.bucket}/{found.key} was read: {error}"
                    raise AWSUnavailable(message, fix="Try again.", iam_action="s3:GetObject") from error
            finally:
                body.close()
            body = self._open(found.key, version_id, at, found.etag)["Body"]

    def _call(self, operation: str, key: str = "", /, **parameters: Any) -> dict[str, Any]:
        named = {"Key": key} if key else {}
        session = self.session
        try:
            return session.call("s3", operation, Bucket=self.bucket, **named, **parameters)
        except AWSError as error:
            raise explained(error, session, operation, self.bucket, key) from error.__cause__

    def _pages(self, operation: str, /, **parameters: Any) -> Iterator[dict[str, Any]]:
        session = self.session
        try:
            yield from session.pages("s3", operation, Bucket=self.bucket, **parameters)
        except AWSError as error:
            raise explained(error, session, operation, self.bucket, "") from error.__cause__


def _version(version_id: str | None) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


def _version_of(answer: Mapping[str, Any]) -> str | None:
    """Return the version in an answer; ``null`` is what S3 calls the one version of a bucket that keeps none."""
    found = answer.get("VersionId")
    return None if found in (None, "null") else str(found)


def _written(answer: Mapping[str, Any]) -> Written:
    return Written(str(answer["ETag"]), _version_of(answer))


def _described(key: str, answer: Mapping[str, Any]) -> ObjectVersion:
    total = str(answer.get("ContentRange", "")).rpartition("/")[2]  # bytes 5-9/10
    return ObjectVersion(
        key,
        str(answer.get("ETag", "")),
        int(total) if total.isdigit() else int(answer["ContentLength"]),
        answer["LastModified"],
        _version_of(answer),
        content_type=str(answer.get("ContentType", "")),
        metadata=dict(answer.get("Metadata") or {}),
    )


def _listed(row: Mapping[str, Any], *, deleted: bool = False) -> ObjectVersion:
    return ObjectVersion(
        row["Key"],
        str(row.get("ETag", "")),
        int(row.get("Size", 0)),
        row["LastModified"],
        _version_of(row),
        latest=bool(row.get("IsLatest", True)),
        deleted=deleted,
    )


def _measured(file: BinaryIO) -> tuple[int, str]:
    """Return how many bytes a file has from its position on, and their SHA-256; leaves the position as it was."""
    begin, digest = file.tell(), hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    size = file.tell() - begin
    file.seek(begin)
    return size, digest.hexdigest()


def _checksums(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checksums of a part, by which S3 checks the whole."""
    return {name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"}
