"""The lookups that begin elsewhere: with a link to another site, or with a record of Finna."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from api import files, lookups
from api.errors import BadInput, NotFound, TooSlow
from api.files import Facts
from api.service import Service
from sql import hosts
from sql.links import Found


class Asked(NamedTuple):
    """Which links are looked for: hosts as the link table has them, and a text in the path."""

    hosts: Sequence[str]
    text: str


def asked(domain: str, path: str) -> Asked:
    """The links to a domain, written either way, and those below it; raises BadInput for what is none."""
    with _looking():
        return Asked(tuple(hosts.readings(domain)), path)


async def linking(service: Service, links: Asked, *, first: int, after: int = 0) -> Found:
    """The first so many file pages with such links that come after a page.

    Raises BadInput, TooSlow, and ReplicaUnavailable.
    """
    with _looking():
        return await service.look_through(service.links.find, *links, first=first, after=after)


async def linking_count(service: Service, links: Asked) -> int:
    """How many file pages have such links; raises the same."""
    with _looking():
        return await service.look_through(service.links.count, *links)


async def linking_now(service: Service, begin: str, text: str, *, first: int) -> list[Facts]:
    """The old tool's rule: files with links to hosts that begin like that, in the link table's writing."""
    found = await linking(service, Asked((begin,), text), first=first)
    return await lookups.present(service, found.page_ids)


async def equal_to_record(service: Service, record_id: str, maxdifference: int) -> list[Facts]:
    """The old tool's rule for a record of Finna: as for hashes, with those of its first picture, small.

    Raises NotFound where there is none, and what `api.finna.Records` does.
    """
    record = await service.finna.record(record_id)
    if record is None:
        raise NotFound(f"Finna has no record {record_id!r}")
    if not record.pictures:
        raise NotFound(f"the record {record_id!r} has no picture")
    pair = await service.finna.hashes(record.pictures[0].small)
    return await lookups.equal(service, *pair) if maxdifference > 0 else []


@contextmanager
def _looking() -> Iterator[None]:
    try:
        with files.asking_replica():
            yield
    except ValueError as error:
        raise BadInput(str(error)) from error
    except TimeoutError as error:
        raise TooSlow(f"{error}: ask for a host that fewer files link to") from error
