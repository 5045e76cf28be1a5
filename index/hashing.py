"""One file to its hashes: pure functions that any executor can run, here or on another machine."""

import hashlib
import os
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from commons.imageinfo import Version
from commons.pictures import HashedPicture, Reason, Unhashable, hash_picture


class Job(NamedTuple):
    """A file to hash: absolute path, and the SHA-1 (hexadecimal) of the bytes that were hashed last."""

    path: str
    hashed_sha1: str | None = None


J = TypeVar("J")


class Outcome(NamedTuple, Generic[J]):
    """What came of a job: a file of a folder, or the version of one on a wiki.

    ``size`` (bytes), ``mtime`` (nanoseconds) and ``sha1`` (hexadecimal) are those of the very bytes
    that were read, None where they could not be. Either ``picture`` is there, or ``reason`` with
    ``detail`` for people, or, where the bytes are the ones hashed last, neither.
    """

    job: J
    size: int | None = None
    mtime: int | None = None
    sha1: str | None = None
    picture: HashedPicture | None = None
    reason: Reason | None = None
    detail: str | None = None


def hash_file(job: Job) -> Outcome[Job]:
    """Read a file and hash the picture in it; every failure is an outcome, not an exception."""
    try:
        with Path(job.path).open("rb") as file:
            # First, so that a change while the file is read shows in its size or time the next time.
            stat = os.fstat(file.fileno())
            data = file.read()
    except MemoryError:
        return Outcome(job, reason=Reason.OUT_OF_MEMORY, detail="the file does not fit into memory")
    except OSError as error:
        return Outcome(job, reason=Reason.UNREADABLE, detail=error.strerror or str(error))
    read = Outcome(job, len(data), stat.st_mtime_ns, _sha1(data))
    return read if read.sha1 == job.hashed_sha1 else _hashed(read, data)


def hash_fetched(version: Version, data: bytes) -> Outcome[Version]:
    """Hash the picture that was fetched for a version; every failure is an outcome, not an exception."""
    fetched = Outcome(version, len(data), sha1=_sha1(data))
    expected = version.address and version.address.sha1
    if expected is not None and expected != fetched.sha1:
        detail = f"the file is not the version that the wiki told of: its SHA-1 is {fetched.sha1}"
        return fetched._replace(reason=Reason.OTHER_VERSION, detail=detail)
    return _hashed(fetched, data)


def _hashed(outcome: Outcome[J], data: bytes) -> Outcome[J]:
    try:
        return outcome._replace(picture=hash_picture(data))
    except Unhashable as error:
        return outcome._replace(reason=error.reason, detail=str(error))


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
