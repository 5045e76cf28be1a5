"""What hashing a file came to: rows for its hashes, or the reason why it has none."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, select

from sql import pairs
from sql.tables import dhash, phash, provenance, tombstone
from sql.upserts import upsert

_DETAIL = 1000
"""Bytes of a failure's explanation that are kept."""


class Result(NamedTuple):
    """The outcome for one version of a file.

    ``phash`` and ``dhash`` are unsigned 64-bit integers, or both None where ``reason`` and
    ``detail`` say why there are none; ``next_try`` is then the time from which trying again may
    help, None if it cannot. ``width`` and ``height`` are pixels of the original, ``thumb_width``
    those of the thumbnail that was hashed in its place, if one was.
    """

    page_id: int
    sha1: str | None
    libraries: str
    phash: int | None = None
    dhash: int | None = None
    width: int | None = None
    height: int | None = None
    thumb_width: int | None = None
    thumb_type: str | None = None
    file_timestamp: datetime | None = None
    reason: str | None = None
    detail: str | None = None
    next_try: datetime | None = None


def save(connection: Connection, results: Sequence[Result]) -> None:
    """Write results, within the transaction of the caller so that no file has half a row.

    A failure that trying again cannot heal takes the place of hashes that the file had before; a
    file that never had any gets no row in the hash tables.
    """
    final = [result.page_id for result in results if result.phash is None and result.next_try is None]
    outdated = pairs.of_pages(connection, final).keys()
    rows = [result for result in results if result.phash is not None or result.page_id in outdated]
    if rows:
        connection.execute(insert(phash), [_hash_row(row, row.phash, row.thumb_type) for row in rows])
        connection.execute(insert(dhash), [_hash_row(row, row.dhash, _dhash_type(row)) for row in rows])
    upsert(connection, provenance, [_provenance_row(result) for result in results])


def failures(connection: Connection, page_ids: Iterable[int]) -> set[int]:
    """Those of the pages whose newest state is that they could not be hashed."""
    return {
        page_id
        for batch in pairs.batches(page_ids)
        for page_id in connection.scalars(
            select(provenance.c.page_id).where(
                provenance.c.page_id.in_(batch), provenance.c.state == "failed"
            )
        )
    }


def reasons(connection: Connection, page_ids: range) -> Counter[str]:
    """How many of the pages in a range that is not empty could not be hashed, by reason."""
    of = provenance.c
    failed = and_(of.page_id.between(page_ids[0], page_ids[-1]), of.state == "failed")
    query = select(of.reason, func.count()).where(failed).group_by(of.reason)
    return Counter({reason or "unknown": files for reason, files in connection.execute(query)})


def due(connection: Connection, moment: datetime, most: int) -> list[int]:
    """The pages on a wiki, up to so many, whose next try was due at a moment; those longest due first."""
    query = select(provenance.c.page_id).where(provenance.c.next_try <= moment, provenance.c.page_id > 0)
    return list(connection.scalars(query.order_by(provenance.c.next_try).limit(most)))


def bury(connection: Connection, titles: Mapping[int, str | None], *, deleted: bool) -> None:
    """Write tombstones, with titles where they are known: files are gone, or (``deleted=False``) are back."""
    rows = [{"page_id": page_id, "deleted": deleted, "title": title} for page_id, title in titles.items()]
    if rows:
        connection.execute(insert(tombstone), rows)


def buried(connection: Connection, page_ids: Iterable[int] | None = None) -> dict[int, str | None]:
    """The titles, by page id, of deleted files: all there are, or those among the pages given."""
    graves = select(tombstone.c.page_id, tombstone.c.title).where(is_deleted())
    if page_ids is None:
        return dict(connection.execute(graves).all())
    return {
        page_id: title
        for batch in pairs.batches(page_ids)
        for page_id, title in connection.execute(graves.where(tombstone.c.page_id.in_(batch)))
    }


def is_deleted() -> ColumnElement[bool]:
    """Whether a tombstone is the newest of its page, and the file is deleted."""
    newer = tombstone.alias()
    newest = ~exists().where(newer.c.page_id == tombstone.c.page_id, newer.c.id > tombstone.c.id)
    return and_(newest, tombstone.c.deleted)


def _hash_row(result: Result, value: int | None, thumb_type: str | None) -> dict[str, Any]:
    return {
        "commons": result.page_id,
        "hash": value,
        "width": result.width,
        "height": result.height,
        "thumb_width": result.thumb_width,
        "thumb_type": thumb_type,
    }


def _dhash_type(result: Result) -> str | None:
    return "error" if result.dhash is None else result.thumb_type


def _provenance_row(result: Result) -> dict[str, Any]:
    return {
        "page_id": result.page_id,
        "sha1": result.sha1,
        "file_timestamp": result.file_timestamp,
        "input": "original" if result.thumb_width is None else "thumbnail",
        "libraries": result.libraries,
        "state": "failed" if result.phash is None else "hashed",
        "reason": result.reason,
        "detail": _clip(result.detail),
        "next_try": result.next_try,
        "at": datetime.now(UTC),
    }


def _clip(detail: str | None) -> str | None:
    return None if detail is None else detail.encode(errors="replace")[:_DETAIL].decode(errors="ignore")
