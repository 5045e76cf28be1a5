"""One file to its hashes: a pure function that any executor can run, here or on another machine."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from commons.pictures import HashedPicture, Reason, Unhashable, hash_picture


class Job(NamedTuple):
    """A file to hash: absolute path, and the SHA-1 (hexadecimal) of the bytes that were hashed last."""

    path: str
    hashed_sha1: str | None = None


class Outcome(NamedTuple):
    """What came of a job.

    ``size`` (bytes), ``mtime`` (nanoseconds) and ``sha1`` (hexadecimal) are those of the very bytes
    that were read, None where they could not be. Either ``picture`` is there, or ``reason`` with
    ``detail`` for people, or, where the bytes are the ones hashed last, neither.
    """

    job: Job
    size: int | None = None
    mtime: int | None = None
    sha1: str | None = None
    picture: HashedPicture | None = None
    reason: Reason | None = None
    detail: str | None = None


def hash_file(job: Job) -> Outcome:
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
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    read = Outcome(job, len(data), stat.st_mtime_ns, sha1)
    if sha1 == job.hashed_sha1:
        return read
    try:
        return read._replace(picture=hash_picture(data))
    except Unhashable as error:
        return read._replace(reason=error.reason, detail=str(error))
