"""File pages by the external links on them.

The table has a link in two parts, the host's own reversed: ``https://fi.finna.www.`` and ``/Record/1``.
See https://www.mediawiki.org/wiki/Manual:Externallinks_table.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple
from urllib.parse import quote

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    MetaData,
    Select,
    Table,
    func,
    literal,
    or_,
    select,
    union,
)

from sql.columns import Name
from sql.replica import FILE_NAMESPACE, Replica, page

SHORTEST = 3
"""Characters of a host, and of a path, by which to search."""

_PROTOCOLS = ("http", "https")

_LAST = "\U0010ffff"
"""Sorts after all that may follow the beginning of a host."""

_PLAIN = "!#$%&'()*+,/:;=?@"
"""What MediaWiki leaves as it is in a path, besides letters, digits and what `quote` never encodes."""

_SURROGATE = re.compile("[\ud800-\udfff]")

link = Table(
    "externallinks",
    MetaData(),
    Column("el_from", Integer),
    Column("el_to_domain_index", Name(255)),
    Column("el_to_path", Name(65535)),
)


class Found(NamedTuple):
    """Pages in the order of their ids, and whether there are more after them."""

    page_ids: Sequence[int]
    more: bool


class Links:
    """Finds the file pages, redirects aside, with a link that has a text anywhere in its path.

    The link's host, as the table has it (see `sql.hosts`), begins like one of ``hosts``; its protocol is
    HTTP or HTTPS. The text is taken literally, with its capitals; what MediaWiki percent-encodes is found
    however it is given. Each call goes through all links to the hosts, once.

    All methods raise ValueError where a host or the text has fewer than `SHORTEST` characters or is not
    Unicode, TimeoutError where a statement takes longer than ``seconds``, NoReplicaError where the
    replica does not show the tables, and SQLAlchemyError where it cannot be reached.
    """

    def __init__(self, replica: Replica, *, seconds: float = 10) -> None:
        self._replica = replica
        self._seconds = seconds

    def find(self, hosts: Collection[str], text: str, *, first: int, after: int = 0) -> Found:
        """The first so many of the pages that come after a page."""
        found = self._pages(hosts, text).where(page.c.page_id > after)
        with self._replica.read(link.name, seconds=self._seconds) as connection:
            page_ids = connection.scalars(found.order_by(page.c.page_id).limit(first + 1)).all()
        return Found(page_ids[:first], more=len(page_ids) > first)

    def count(self, hosts: Collection[str], text: str) -> int:
        """How many pages there are in all."""
        found = self._pages(hosts, text).subquery()
        with self._replica.read(link.name, seconds=self._seconds) as connection:
            return connection.execute(select(func.count()).select_from(found)).scalar_one()

    def _pages(self, hosts: Collection[str], text: str) -> Select[int]:
        for given in (*hosts, text):
            _check(given)
        # Range by range, lest a server rather go through all links, or all pages, in the order of their ids.
        links = (select(link.c.el_from).where(here, _has(text)) for here in ranges(self._replica, hosts))
        linking = union(*links).subquery()
        return (
            select(page.c.page_id)
            .join_from(linking, page, page.c.page_id == linking.c.el_from)
            .where(page.c.page_namespace == FILE_NAMESPACE, page.c.page_is_redirect == 0)
        )


def ranges(replica: Replica, hosts: Collection[str]) -> list[ColumnElement[bool]]:
    """The links whose hosts begin like one of ``hosts``, each as a range of the table's key."""
    beginnings = [f"{protocol}://{host}" for protocol in _PROTOCOLS for host in hosts]
    return [
        column.between(beginning, beginning + _LAST)
        for beginning in beginnings
        for column in replica.spellings(link.c.el_to_domain_index)
    ]


def _has(text: str) -> ColumnElement[bool]:
    """Whether a link's path has a text in it; not by LIKE, to which some characters are wildcards."""
    path = link.c.el_to_path
    spellings = dict.fromkeys((text, quote(text, safe=_PLAIN)))
    return or_(*(func.instr(path, literal(spelling, path.type)) > 0 for spelling in spellings))


def _check(text: str) -> None:
    if len(text) < SHORTEST:
        raise ValueError(f"{text!r} is too short to look for in links: give {SHORTEST} characters or more")
    if _SURROGATE.search(text):
        raise ValueError(f"{text[:100]!r} is in no link: it holds halves of characters")
