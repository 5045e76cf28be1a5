"""The source ``folder``: a tree of files on disk, known by negative page ids."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from commons.hashes import library_versions
from commons.pictures import Reason
from commons.progress import Progress
from index import pipeline
from index.hashing import Job, Outcome, hash_file
from index.walk import Walk, walk
from sql import local_files, results
from sql.database import Database
from sql.local_files import Known, LocalFile
from sql.results import Result
from sql.tables import LONGEST_PATH


class Failure(NamedTuple):
    """A file that could not be hashed: its path below the folder, a typed reason, an explanation."""

    title: str
    reason: Reason
    detail: str


class Report(NamedTuple):
    """What a run found and did, in numbers of files; failures and unreadable folders by name."""

    hashed: int
    unchanged: int
    failed_before: int
    gone: int
    others: int
    failures: Sequence[Failure]
    unreadable: dict[str, str]


class Folder:
    """Keeps the rows of the files below ``path`` true to what is on disk.

    Raises NotADirectoryError where there is no such folder.
    """

    def __init__(self, database: Database, path: Path) -> None:
        if not path.is_dir():
            raise NotADirectoryError(f"{path} is not a folder")
        self._database = database
        self._root = str(path.resolve())
        self._libraries = library_versions()
        self._met = Walk({}, {}, 0)
        self._known: dict[str, Known] = {}
        self._vanished: set[str] = set()
        self._failures: list[Failure] = []
        self._hashed = 0

    def index(self, executor: Executor, *, ahead: int) -> Report:
        """Hash what is new or changed, ``ahead`` files at a time, and bury what is gone."""
        self._met = walk(self._root)
        with self._database.read() as connection:
            self._known = local_files.known(connection, self._root)
        due = [path for path in self._met.pictures if self._is_due(path)]
        with Progress(len(due)) as progress:

            def write(outcomes: Sequence[Outcome[Job]]) -> None:
                self._write(outcomes)
                progress.advance(len(outcomes), failed=len(self._failures))

            pipeline.run(map(self._job, due), hash_file, executor, write, ahead=ahead)
        gone = self._bury()
        tried = self._hashed + len(self._failures) + len(self._vanished)
        left = self._met.pictures.keys() - due
        failed_before = sum(self._known[path].failed for path in left)
        return Report(
            hashed=self._hashed,
            unchanged=len(self._met.pictures) - tried - failed_before,
            failed_before=failed_before,
            gone=gone,
            others=self._met.others,
            failures=self._failures,
            unreadable=self._met.unreadable,
        )

    def _is_due(self, path: str) -> bool:
        known, stat = self._known.get(path), self._met.pictures[path]
        if known is None or (known.file.size, known.file.mtime) != (stat.st_size, stat.st_mtime_ns):
            return True
        return known.next_try is not None and known.next_try <= datetime.now(UTC)

    def _job(self, path: str) -> Job:
        known = self._known.get(path)
        return Job(path, None if known is None or known.failed else known.file.sha1)

    def _write(self, outcomes: Sequence[Outcome[Job]]) -> None:
        """Write a batch: all rows of its files, or none."""
        kept = [outcome for outcome in outcomes if self._keeps(outcome)]
        with self._database.lock("local_file"), self._database.write() as connection:
            # Another run may have met the same files meanwhile.
            self._known |= local_files.at(connection, [outcome.job.path for outcome in kept])
            page_ids = local_files.save(connection, [self._file(outcome) for outcome in kept])
            rows = [
                self._result(page_id, outcome)
                for page_id, outcome in zip(page_ids, kept, strict=True)
                if self._is_news(outcome)
            ]
            results.save(connection, rows)
        self._hashed += sum(row.phash is not None for row in rows)

    def _keeps(self, outcome: Outcome[Job]) -> bool:
        """Note a failure; False where the file is none to keep rows of."""
        path = outcome.job.path
        if outcome.reason is Reason.UNREADABLE and not os.path.lexists(path):
            self._vanished.add(path)
            return False
        too_long = len(os.fsencode(path)) > LONGEST_PATH
        if too_long:
            outcome = outcome._replace(reason=Reason.UNREADABLE, detail="its path is too long to be recorded")
        if outcome.reason:
            self._failures.append(Failure(self._title(path), outcome.reason, outcome.detail or ""))
        return not too_long

    def _is_news(self, outcome: Outcome[Job]) -> bool:
        """Whether there is a failure or a new hash to write."""
        job = self._job(outcome.job.path)
        return outcome.reason is not None or (outcome.picture is not None and outcome.sha1 != job.hashed_sha1)

    def _file(self, outcome: Outcome[Job]) -> LocalFile:
        path = outcome.job.path
        known, stat = self._known.get(path), self._met.pictures[path]
        return LocalFile(
            page_id=known.file.page_id if known else local_files.NEW,
            path=path,
            title=known.file.title if known else self._title(path),
            size=stat.st_size if outcome.size is None else outcome.size,
            mtime=stat.st_mtime_ns if outcome.mtime is None else outcome.mtime,
            sha1=outcome.sha1,
        )

    def _result(self, page_id: int, outcome: Outcome[Job]) -> Result:
        result = Result(
            page_id,
            outcome.sha1,
            self._libraries,
            reason=outcome.reason,
            detail=outcome.detail,
            next_try=datetime.now(UTC) if outcome.reason and outcome.reason.transient else None,
        )
        if outcome.picture is None:
            return result
        picture = outcome.picture
        return result._replace(
            phash=picture.hashes.phash,
            dhash=picture.hashes.dhash,
            width=picture.width,
            height=picture.height,
            thumb_width=picture.thumb_width,
            thumb_type=None if picture.thumb_width is None else "default",
        )

    def _bury(self) -> int:
        """Write tombstones for files that are gone, and take back those of files that are there again."""
        there = self._met.pictures.keys() - self._vanished
        back = {path for path in there if path in self._known and self._known[path].deleted}
        gone = {
            path
            for path, known in self._known.items()
            if not known.deleted and path not in there and not self._met.may_hold(path)
        }
        with self._database.write() as connection:
            results.bury(connection, self._titles(gone), deleted=True)
            results.bury(connection, self._titles(back), deleted=False)
        return len(gone)

    def _titles(self, paths: Iterable[str]) -> dict[int, str]:
        files = (self._known[path].file for path in paths)
        return {file.page_id: file.title for file in files}

    def _title(self, path: str) -> str:
        return os.path.relpath(path, self._root)
