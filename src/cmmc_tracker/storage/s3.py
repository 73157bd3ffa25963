"""Objects in a bucket: written with their SHA-256 checked by the store, read in stretches, errors told in words.

Credentials, region and address come from where boto3 looks for them: `AWS_ACCESS_KEY_ID`, `AWS_PROFILE`,
`AWS_ENDPOINT_URL_S3`, a machine's role. Large objects go in parts, each with its own SHA-256; the store then keeps the
hash of those hashes, which is computed here as well, so that what is there can be compared without reading it.
"""

import base64
import contextlib
import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from cmmc_tracker.errors import Busy, Misconfigured, NoSpace, NotFound, TrackerError
from cmmc_tracker.storage.addresses import Bucket

PART = 16_777_216  # bytes of a part; what fits into one is written at once
_BUFFER = 262_144
TRIES = 3  # how often a reading that was cut is taken up again where it stopped
PATIENCE = 20.0  # seconds without a byte
_REFUSED = {"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled", "ExpiredToken"}
_OVERTAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict"}
_GONE = {"NoSuchKey", "404", "NotFound"}
_FULL = {"QuotaExceeded", "XMinioStorageFull", "InsufficientCapacity", "EntityTooLarge"}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Stat:
    """What the store says of an object: its bytes, and the checksum that it keeps, in its own form."""

    size: int
    checksum: str


class Objects:
    """The objects of one part of a bucket, by keys below its prefix."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._clients: dict[int, Any] = {}
        self._making = threading.Lock()

    @property
    def _s3(self) -> Any:
        """The client of this process: its connections must not be shared with a forked one."""
        with self._making:
            if os.getpid() not in self._clients:
                self._clients = {os.getpid(): _client()}
            return self._clients[os.getpid()]

    def _call(self, act: Callable[[Any], _T]) -> _T:
        with told(self.bucket):
            return act(self._s3)

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket.name, "Key": self.bucket.prefix + key}

    def ping(self) -> None:
        """Raise `Busy` when the bucket cannot be listed."""
        prefix = {"Bucket": self.bucket.name, "Prefix": self.bucket.prefix}
        self._call(lambda s3: s3.list_objects_v2(**prefix, MaxKeys=1))

    def stat(self, key: str) -> Stat:
        """What the store says of an object; raises `NotFound`."""
        found = self._call(lambda s3: s3.head_object(**self._named(key), ChecksumMode="ENABLED"))
        return Stat(int(found["ContentLength"]), str(found.get("ChecksumSHA256", "")))

    def tag(self, key: str) -> str:
        """The tag of an object as it is now, for `claim`; raises `NotFound`."""
        return str(self._call(lambda s3: s3.head_object(**self._named(key)))["ETag"])

    def put(self, key: str, file: BinaryIO, size: int) -> None:
        """Write an object from a file's beginning; it is there whole or not at all. Raises `Busy`, `NoSpace`."""
        file.seek(0)
        if size <= PART:
            data = file.read(PART)
            checksum = _digest(data)
            done = self._call(
                lambda s3: s3.put_object(
                    **self._named(key), Body=data, ContentLength=len(data), ChecksumSHA256=checksum
                )
            )
            written = len(data)
        else:
            done, checksum, written = self._in_parts(key, file)
        if written != size or done.get("ChecksumSHA256", checksum).partition("-")[0] != checksum.partition("-")[0]:
            self.remove(key)
            raise Busy(f"{self.bucket} did not keep the bytes that were sent. Nothing was kept; please try again.")

    def _in_parts(self, key: str, file: BinaryIO) -> tuple[dict[str, Any], str, int]:
        named = self._named(key)
        begun = self._call(lambda s3: s3.create_multipart_upload(**named, ChecksumAlgorithm="SHA256"))
        upload, size = {**named, "UploadId": begun["UploadId"]}, 0
        parts: list[dict[str, Any]] = []
        try:
            while data := file.read(PART):
                given = {"PartNumber": len(parts) + 1, "ChecksumSHA256": _digest(data)}
                done = self._call(_part(upload, given, data))
                parts.append({**given, "ETag": done["ETag"]})
                size += len(data)
            whole = {"Parts": parts}
            ended = self._call(lambda s3: s3.complete_multipart_upload(**upload, MultipartUpload=whole))
        except BaseException:
            with contextlib.suppress(TrackerError):
                self._call(lambda s3: s3.abort_multipart_upload(**upload))
            raise
        return ended, _of_parts([str(one["ChecksumSHA256"]) for one in parts]), size

    def get(self, key: str, start: int = 0) -> Any:
        """The body of an object from a byte on; raises `NotFound`."""
        more = {"Range": f"bytes={start}-"} if start else {}
        return self._call(lambda s3: s3.get_object(**self._named(key), **more))["Body"]

    def open(self, key: str) -> BinaryIO:
        """The bytes of an object, seekable; raises `NotFound`. A reading that is cut goes on where it stopped."""
        return io.BufferedReader(_Reading(self, key, self.stat(key).size), _BUFFER)

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """The keys below a prefix, in order, and their bytes."""
        where = {"Bucket": self.bucket.name, "Prefix": self.bucket.prefix + prefix}
        token: dict[str, str] = {}
        while True:
            page = self._call(lambda s3, more=token: s3.list_objects_v2(**where, **more))  # type: ignore[misc]
            for one in page.get("Contents", ()):
                yield one["Key"].removeprefix(self.bucket.prefix), int(one["Size"])
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def remove(self, key: str) -> None:
        """Remove an object, with all its versions where the bucket keeps versions; none is no error."""
        self._call(lambda s3: s3.delete_object(**self._named(key)))
        if not self.is_versioned():
            return
        named = self._named(key)
        listed = self._call(lambda s3: s3.list_object_versions(Bucket=named["Bucket"], Prefix=named["Key"]))
        for one in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())):
            if one["Key"] == named["Key"]:
                version = one["VersionId"]
                self._call(lambda s3, of=version: s3.delete_object(**named, VersionId=of))  # type: ignore[misc]

    def is_versioned(self) -> bool:
        """Whether the bucket keeps, or kept, older versions; one that does not say is taken for one that does not."""
        try:
            return bool(self._call(lambda s3: s3.get_bucket_versioning(Bucket=self.bucket.name)).get("Status"))
        except TrackerError:
            return False

    def broken_off(self, prefix: str) -> list[tuple[str, str]]:
        """Uploads in parts that were never ended: key and number."""
        where = {"Bucket": self.bucket.name, "Prefix": self.bucket.prefix + prefix}
        found = self._call(lambda s3: s3.list_multipart_uploads(**where)).get("Uploads", ())
        return [(one["Key"].removeprefix(self.bucket.prefix), one["UploadId"]) for one in found]

    def abort(self, key: str, upload: str) -> None:
        """Remove what came of an upload that was never ended."""
        self._call(lambda s3: s3.abort_multipart_upload(**self._named(key), UploadId=upload))

    def claim(self, key: str, data: bytes, etag: str = "") -> str | None:
        """Write a small object where there is none, or in the place of that one; its tag, or None when another came."""
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}

        def put(s3: Any) -> str | None:
            from botocore.exceptions import ClientError  # noqa: PLC0415 an extra

            try:
                return str(s3.put_object(**self._named(key), Body=data, **condition)["ETag"])
            except ClientError as error:
                if error.response["Error"]["Code"] in _OVERTAKEN:
                    return None
                raise

        return self._call(put)

    def is_public(self, key: str) -> bool:
        """Whether somebody without credentials may read that object."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 an extra

        try:
            _client(signed=False).get_object(**self._named(key))["Body"].close()
        except (BotoCoreError, ClientError):
            return False
        return True


def checksum_of(file: BinaryIO) -> str:
    """The checksum that the store keeps of a file's bytes when they were written by `Objects.put`."""
    file.seek(0)
    parts = []
    while data := file.read(PART):
        parts.append(_digest(data))
    return parts[0] if len(parts) == 1 else _of_parts(parts) if parts else _digest(b"")


def _part(upload: dict[str, str], given: dict[str, Any], data: bytes) -> Callable[[Any], Any]:
    return lambda s3: s3.upload_part(**upload, **given, Body=data)


def _digest(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _of_parts(parts: list[str]) -> str:
    """The hash of the hashes of parts, as the store writes it ("Checking object integrity" in S3's user guide)."""
    return f"{_digest(b''.join(map(base64.b64decode, parts)))}-{len(parts)}"


def _client(*, signed: bool = True) -> Any:
    import boto3  # noqa: PLC0415 an extra, and slow to load
    from botocore import UNSIGNED  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    retries = {"mode": "standard", "total_max_attempts": TRIES}
    more = {} if signed else {"signature_version": UNSIGNED}
    patience = Config(connect_timeout=5, read_timeout=PATIENCE, max_pool_connections=32, retries=retries, **more)
    return boto3.session.Session().client("s3", config=patience)


class _Reading(io.RawIOBase):
    def __init__(self, objects: Objects, key: str, size: int) -> None:
        super().__init__()
        self._objects, self._key, self._size = objects, key, size
        self._at = 0
        self._body: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if at < 0:
            raise ValueError("a place in a file is not negative")
        if at != self._at:
            self._drop()
        self._at = at
        return at

    def readinto(self, buffer: Any, /) -> int:
        if self._at >= self._size or not len(buffer):
            return 0
        for tried in range(TRIES):
            try:
                with told(self._objects.bucket):
                    if self._body is None:
                        self._body = self._objects.get(self._key, self._at)
                    data: bytes = self._body.read(min(len(buffer), self._size - self._at))
                if data:
                    buffer[: len(data)] = data
                    self._at += len(data)
                    return len(data)
                self._drop()  # the store ended before the object did
            except Busy:
                self._drop()
                if tried == TRIES - 1:
                    raise
        raise Busy(f"{self._objects.bucket} ended before the file did. Please try again in a moment.")

    def _drop(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def close(self) -> None:
        self._drop()
        super().close()


@contextlib.contextmanager
def told(bucket: Bucket) -> Iterator[None]:
    """Turn what the object store or its library says into what a person can be told."""
    try:
        from botocore.exceptions import (  # noqa: PLC0415 an extra
            BotoCoreError,
            ClientError,
            HTTPClientError,
            IncompleteReadError,
        )
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 comes with it
    except ModuleNotFoundError:
        raise Misconfigured("s3:// needs a library that is missing: pip install 'cmmc-tracker[s3]'") from None
    try:
        yield
    except ClientError as error:
        raise _of_answer(str(bucket), str(error.response.get("Error", {}).get("Code", ""))) from error
    except (HTTPClientError, IncompleteReadError, HTTPError, OSError) as error:
        raise Busy(f"{bucket} does not answer, or stopped half way. Please try again in a moment.") from error
    except BotoCoreError as error:  # no credentials, no region, an address that is none
        raise Busy(f"{bucket} cannot be used: {_first_line(error)}") from error


def _of_answer(name: str, code: str) -> TrackerError:
    if code in _GONE:
        return NotFound("it is missing")
    if code in _REFUSED:
        return Busy(
            f"{name} refuses this installation ({code}): an administrator must look at its rights. Nothing was changed."
        )
    if code == "NoSuchBucket":
        return Busy(f"{name}: there is no such bucket. Nothing was changed.")
    if code in _FULL:
        return NoSpace(f"{name} has no space left ({code}). Nothing of this was kept.")
    if code in {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}:
        return Busy(f"{name} received other bytes than were sent ({code}). Nothing was kept; please try again.")
    return Busy(f"{name} cannot do this just now ({code}). Please try again in a moment.")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
