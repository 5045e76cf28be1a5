"""What is to be done about pages, by what the database holds, the replica shows and the wiki says."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection

from commons.imageinfo import ImageInfo, Version
from commons.pictures import Reason
from sql import pairs, results, states
from sql.database import Database
from sql.pages import ALL, Shard, Stretch
from sql.patience import patiently


class Step(NamedTuple):
    """One step of a run: versions to take up, and titles of pages that have no file, or have one.

    Once all of it is settled, ``positions`` are reached. ``seen`` is how many files were looked at.
    """

    versions: Sequence[Version]
    missing: Mapping[int, str | None]
    there: Mapping[int, str | None]
    positions: Mapping[str, int]
    seen: int


class Selection:
    """Finds what is to be done.

    What the replica tells may be some minutes old, so it only says which pages to ask the wiki about. All
    methods raise NoAnswerError and RefusedError as the wiki does, and SQLAlchemyError where the database
    cannot be reached for long.
    """

    def __init__(self, database: Database, info: ImageInfo, *, shard: Shard = ALL) -> None:
        self._database = database
        self._info = info
        self._shard = shard

    def of_stretch(self, stretch: Stretch, positions: Mapping[str, int], *, after: int | None = None) -> Step:
        """What to do about the files of a stretch.

        Where ``after`` is given there are no other pages between it and the end of the stretch: what is
        hashed there otherwise may be gone.
        """
        page_ids = patiently(lambda: self._doubtful(stretch, after))
        step = self.of_versions(self._info.of_pages(page_ids).values(), positions)
        return step._replace(seen=len(stretch.files))

    def of_pages(
        self,
        titles: Mapping[int, str | None],
        positions: Mapping[str, int],
        *,
        names: Iterable[str] = (),
    ) -> Step:
        """What to do about pages, by id, with their last titles where those are known, or by name."""
        told = self._info.of_pages(filter(self._shard.holds, titles))
        named = self._info.of_names(names)
        step = self.of_versions([*named.values(), *told.values()], positions)
        return step._replace(
            missing={page: title or titles.get(page) for page, title in step.missing.items()}
        )

    def of_versions(self, versions: Iterable[Version], positions: Mapping[str, int]) -> Step:
        """What to do about files of which the wiki has told."""
        told = {version.page_id: version for version in versions if version.page_id is not None}
        mine = {page_id: version for page_id, version in told.items() if self._shard.holds(page_id)}
        return patiently(lambda: self._step(mine, positions))

    def due_again(self, most: int) -> list[int]:
        """The pages, up to so many, that could not be hashed and are to be tried again by now."""
        with self._database.read() as connection:
            return results.due(connection, datetime.now(UTC), most)

    def _doubtful(self, stretch: Stretch, after: int | None) -> list[int]:
        """The pages about which the wiki has to be asked."""
        files = {file.page_id: file for file in stretch.files}
        now = datetime.now(UTC)
        with self._database.read() as connection:
            hashed = self._hashed(connection, files, after, stretch.through)
            buried = results.buried(connection, files.keys() | hashed).keys()
            known = states.of_pages(connection, files)
        due = {page_id for page_id, file in files.items() if states.is_due(file, known[page_id], now)}
        # A page without a file has no facts; where the replica tells none at all, this costs a question.
        without = {page_id for page_id, file in files.items() if file.sha1 is None} & hashed
        gone = (hashed - files.keys() | without) - buried
        back = buried & (files.keys() - without)
        return sorted(due | gone | back)

    def _hashed(
        self, connection: Connection, page_ids: Collection[int], after: int | None, through: int
    ) -> set[int]:
        if after is None:
            return set(pairs.of_pages(connection, page_ids))
        return set(filter(self._shard.holds, pairs.between(connection, after, through)))

    def _step(self, versions: Mapping[int, Version], positions: Mapping[str, int]) -> Step:
        now = datetime.now(UTC)
        with self._database.read() as connection:
            hashed = pairs.of_pages(connection, versions).keys()
            known = states.of_pages(connection, versions)
        titles = {page_id: version.name for page_id, version in versions.items()}
        missing = {page_id for page_id, version in versions.items() if version.reason is Reason.NO_FILE}
        # That a hashed file is gone is no failure, and a page that came and went meanwhile nobody's business.
        passed_over = {
            page_id
            for page_id in missing
            if page_id in hashed or (titles[page_id] is None and known[page_id].attempt is None)
        }
        return Step(
            versions=[
                version
                for page_id, version in versions.items()
                if page_id not in passed_over and states.is_due(version, known[page_id], now)
            ],
            missing={page_id: titles[page_id] for page_id in missing},
            there={page_id: titles[page_id] for page_id in titles.keys() - missing},
            positions=positions,
            seen=len(versions),
        )
