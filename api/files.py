"""What is known of files besides their hashes, from wherever it is known.

Facts about Commons files come from the replica, those about a folder's files from ``local_file``, and
the title of a deleted file from its tombstone.
"""

import mimetypes
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from api.errors import DatabaseUnavailable, NoReplica, Refusal, ReplicaUnavailable, unreadable
from api.service import Service
from commons import thumbnails, titles
from commons.sites import Site
from sql import local_files, pairs, results
from sql.replica import File, NoReplicaError

LOCAL = "/local/"
"""Where the API serves a folder's files."""

PAGE_IDS = range(-(2**31), 2**31)
"""What the tables can hold as a page id."""


class Facts(NamedTuple):
    """A file: its name as databases have it (a folder's: the path below it), pixels, type, SHA-1, time.

    ``present`` is False for a file that is deleted, of which little else is known.
    """

    page_id: int
    name: str | None
    width: int | None = None
    height: int | None = None
    mime: str | None = None
    sha1: str | None = None
    uploaded_at: datetime | None = None
    present: bool = True
    site: Site | None = None
    """The wiki's addresses; None while they are not known."""

    @property
    def title(self) -> str | None:
        """With prefix and, for a Commons file, spaces."""
        if self.name is None:
            return None
        return f"File:{self.name}" if self.page_id < 0 else titles.display(self.name)

    @property
    def url(self) -> str | None:
        """The original; a path on this service for a folder's file."""
        if self.name is None or not self.present:
            return None
        if self.page_id < 0:
            return f"{LOCAL}{-self.page_id}"
        return self.site and thumbnails.file_url(self.name, base=self.site.files)

    @property
    def page_url(self) -> str | None:
        """The page on the wiki, where that of a deleted file says why; of a folder's file the original."""
        if self.page_id < 0 or self.site is None:
            return self.url
        if self.name is not None:
            return self.site.page(self.name)
        return self.site.page_by_id(self.page_id) if self.present else None

    def thumbnail(self, width: int) -> str | None:
        """A picture no narrower than ``width``, at one of the widths Wikimedia serves."""
        if self.name is None or not self.present:
            return None
        if self.page_id < 0:
            return f"{LOCAL}{-self.page_id}?width={thumbnails.step(width)}"
        return self.site and thumbnails.thumbnail_url(
            self.name, width, mime=self.mime, original_width=self.width, base=self.site.files
        )


def absolute(base_url: str, url: str | None) -> str | None:
    """An address that is a path on this service, as one that clients elsewhere can follow."""
    return base_url.rstrip("/") + url if url and url.startswith("/") else url


def facts(service: Service, page_ids: Sequence[int]) -> dict[int, Facts | Refusal]:
    """What is known of pages, one query to a table; a page that no file has now is not ``present``.

    A Commons page is answered with the refusal where the replica cannot be read. Raises
    DatabaseUnavailable where the project's own database cannot be.
    """
    local = [page_id for page_id in page_ids if page_id < 0]
    commons = [page_id for page_id in page_ids if page_id >= 0]
    known: dict[int, Facts | Refusal] = {}
    try:
        known.update(_commons_facts(service, commons))
    except ReplicaUnavailable as refusal:
        known.update(dict.fromkeys(commons, refusal))
    missing = [page_id for page_id in commons if page_id not in known]
    if service.live.has_own_tables and (local or missing):
        with reading(service) as connection:
            known.update(_local_facts(connection, local, service.live.deleted))
            buried = results.buried(connection, missing)
        known.update({page_id: _gone(service, page_id, title) for page_id, title in buried.items()})
    return known | {page_id: _gone(service, page_id, None) for page_id in page_ids if page_id not in known}


def is_deleted(service: Service, file: Facts) -> bool:
    """Whether a file has a tombstone, or is no longer where it was."""
    return not file.present or file.page_id in service.live.deleted


@contextmanager
def reading(service: Service) -> Iterator[Connection]:
    """Lend a connection to the project's own database; raises DatabaseUnavailable where there is none."""
    try:
        with service.database.read() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(unreadable("the database of hashes", error)) from error


def named(service: Service, names: Iterable[str]) -> dict[str, Facts]:
    """Commons files by name (underscores, no prefix); raises ReplicaUnavailable."""
    with asking_replica():
        found = service.replica.by_names(names)
        return {name: _of(file, service.wiki.site) for name, file in found.items()}


def commons_count(service: Service) -> int:
    """How many files Commons has; raises ReplicaUnavailable."""
    with asking_replica():
        return service.replica.count()


def _commons_facts(service: Service, page_ids: Sequence[int]) -> dict[int, Facts]:
    if not page_ids:
        return {}
    with asking_replica():
        found = service.replica.files(page_ids)
        return {page_id: _of(file, service.wiki.site) for page_id, file in found.items()}


@contextmanager
def asking_replica() -> Iterator[None]:
    """Have what goes wrong with the replica raised as ReplicaUnavailable, or NoReplica."""
    try:
        yield
    except NoReplicaError as error:
        raise NoReplica(str(error)) from error
    except SQLAlchemyError as error:
        raise ReplicaUnavailable(unreadable("the Commons replica", error)) from error


def _of(file: File, site: Site | None) -> Facts:
    facts = file.width, file.height, file.mime, file.sha1, file.uploaded_at
    return Facts(file.page_id, file.name, *facts, site=site)


def _gone(service: Service, page_id: int, name: str | None) -> Facts:
    return Facts(page_id, name, present=False, site=service.wiki.site)


def _local_facts(
    connection: Connection, page_ids: Sequence[int], deleted: Container[int]
) -> dict[int, Facts]:
    files = local_files.of_pages(connection, page_ids)
    hashed = pairs.of_pages(connection, files)
    return {
        page_id: Facts(
            page_id,
            file.title,
            width=hashed[page_id].width if page_id in hashed else None,
            height=hashed[page_id].height if page_id in hashed else None,
            mime=mimetypes.guess_type(file.title)[0],
            sha1=file.sha1,
            present=page_id not in deleted,
        )
        for page_id, file in files.items()
    }
