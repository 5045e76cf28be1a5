"""The lookups: what GraphQL and the old URLs ask, as plain functions.

Those that are no coroutines block, on a database or on a processor: callers on the event loop go through
``Service.read`` and ``Service.search``.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import NamedTuple, TypeVar

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from api import files
from api.errors import BadInput, DatabaseUnavailable, IndexLoading, NoReplica, unreadable
from api.files import Facts, reading
from api.service import Service
from bktree.protocol import BOUND, Matches, Tolerance
from commons import titles
from sql import local_files, pairs, results
from sql.pairs import Pair

QUICK = 0.0005
"""Seconds that a search may keep the event loop: less than any answer does that lists twenty files."""

_Found = TypeVar("_Found", bound=Sequence[Facts] | None)

_LOCAL_PREFIX = re.compile(r"\s*(file|image)\s*:\s*", re.IGNORECASE)


class Rule(NamedTuple):
    """What searches that are made together have in common; see `bktree.protocol.Engine.search`."""

    tolerance: Tolerance
    first: int | None
    after: tuple[int, int] | None = None
    bound: int | None = BOUND


class Status(StrEnum):
    """Whether a file is hashed, not yet, or could not be."""

    INDEXED = "INDEXED"
    NOT_INDEXED = "NOT_INDEXED"
    FAILED = "FAILED"


def near(
    service: Service,
    phash: int,
    dhash: int,
    tolerance: Tolerance,
    *,
    first: int | None,
    after: tuple[int, int] | None = None,
    bound: int | None = BOUND,
) -> Matches:
    """Files near a pair of hashes; raises IndexLoading and DatabaseUnavailable."""
    with _searching(service):
        return _near(service, (phash, dhash), Rule(tolerance, first, after, bound))


async def found_near(
    service: Service,
    phash: int,
    dhash: int,
    tolerance: Tolerance,
    *,
    first: int | None,
    after: tuple[int, int] | None = None,
    bound: int | None = BOUND,
) -> Matches:
    """The same for a caller on the event loop, which the search only leaves if it is worth while."""
    rule = Rule(tolerance, first, after, bound)
    found = await service.ask(_soon, rule, (phash, dhash))
    if found is None:
        return await service.search(near, service, phash, dhash, **rule._asdict())
    return found


def _soon(service: Service, rule: Rule, pairs: Sequence[tuple[int, int]]) -> Sequence[Matches | None]:
    """Files near pairs of hashes, None instead where a search takes long."""
    if len(pairs) > 1 and rule.after is None:
        with suppress(TimeoutError):
            return _near_many(service, pairs, rule, QUICK)
    found: list[Matches | None] = []
    for pair in pairs:
        try:
            found.append(_near(service, pair, rule, QUICK))
        except TimeoutError:
            found.append(None)
    return found


def _near(service: Service, pair: tuple[int, int], rule: Rule, within: float = math.inf) -> Matches:
    engine = service.live.engine
    tolerance, first, after, bound = rule
    found = engine.search(*pair, tolerance, first=first, after=after, bound=bound, within=within)
    service.metrics.searched(engine.name, found.total)
    return found


def near_many(
    service: Service, asked: Sequence[tuple[int, int]], tolerance: Tolerance, *, first: int
) -> Sequence[Matches]:
    """The same for many pictures' phash and dhash, in the order they were asked."""
    with _searching(service):
        return _near_many(service, asked, Rule(tolerance, first))


def _near_many(
    service: Service, pairs: Sequence[tuple[int, int]], rule: Rule, within: float = math.inf
) -> Sequence[Matches]:
    engine = service.live.engine
    tolerance, first, _, bound = rule
    phashes, dhashes = np.array(pairs, np.uint64).reshape(-1, 2).T.copy()
    found = engine.search_many(phashes, dhashes, tolerance, first=first, bound=bound, within=within)
    service.metrics.searched(engine.name, sum(matches.total for matches in found), len(found))
    return found


def hashes(service: Service, page_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Phash and dhash of those of the pages that are indexed; raises DatabaseUnavailable."""
    with _searching(service):
        return service.live.engine.hashes(page_ids)


def file_count(service: Service) -> int:
    """How many files are searched; raises DatabaseUnavailable."""
    with _searching(service):
        return len(service.live.engine)


def hash_rows(service: Service, page_ids: Sequence[int]) -> dict[int, Pair]:
    """The rows behind the hashes, with size and time; raises DatabaseUnavailable."""
    with reading(service) as connection:
        return pairs.of_pages(connection, page_ids)


def statuses(service: Service, page_ids: Sequence[int]) -> dict[int, Status]:
    """Whether each page is indexed, not yet, or failed; raises DatabaseUnavailable."""
    indexed = hashes(service, page_ids)
    rest = [page_id for page_id in page_ids if page_id not in indexed]
    failed: set[int] = set()
    if rest:
        with reading(service) as connection:
            failed = pairs.failed(connection, rest)
            if service.live.has_own_tables:
                failed |= results.failures(connection, rest)
    found = dict.fromkeys(indexed, Status.INDEXED)
    return found | {page_id: Status.FAILED if page_id in failed else Status.NOT_INDEXED for page_id in rest}


def page_ids_of(service: Service, asked: Sequence[str]) -> list[int | None]:
    """Page ids of titles, in order, None where there is no such file.

    A folder's files are found by their path, Commons files by their title in any form people paste.
    Raises BadInput for what cannot be a title, ReplicaUnavailable and DatabaseUnavailable.
    """
    paths = {title: _LOCAL_PREFIX.sub("", title, count=1) for title in asked}
    local: Mapping[str, int] = {}
    if service.live.has_own_tables:
        with reading(service) as connection:
            local = local_files.by_titles(connection, set(paths.values()))
    names = {title: _name(title) for title in asked if paths[title] not in local}
    commons = _on_commons(service, set(names.values())) if names else {}
    found = {title: local[path] for title, path in paths.items() if path in local}
    found |= {title: commons[name].page_id for title, name in names.items() if name in commons}
    return [found.get(title) for title in asked]


def is_of_folders(service: Service) -> bool:
    """Whether folders are indexed, so that there may be no files but theirs; raises DatabaseUnavailable."""
    if not service.live.has_own_tables:
        return False
    with reading(service) as connection:
        return local_files.any_known(connection)


async def equal(service: Service, phash: int, dhash: int) -> list[Facts]:
    """The old tool's rule: files with one hash equal, whatever the other; page ids ascending."""
    return _certain(service, await _near_now(service, phash, dhash, Tolerance(64, 64, 0)))


async def equal_within(service: Service, page_id: int, maxdifference: int) -> list[Facts] | None:
    """The old tool's rule for a page: one hash equal, the other nearer than ``maxdifference``.

    None where the page is not indexed.
    """
    engine, in_memory = service.live.engine, service.live.in_memory
    known = engine.hashes([page_id]) if in_memory else await service.search(hashes, service, [page_id])
    if page_id not in known:
        return _certain(service, None)
    radius = min(maxdifference - 1, 64)
    if radius < 0:
        return []
    return _certain(service, await _near_now(service, *known[page_id], Tolerance(radius, radius, 0)))


async def _near_now(service: Service, phash: int, dhash: int, tolerance: Tolerance) -> list[Facts]:
    matches = await found_near(service, phash, dhash, tolerance, first=None, bound=None)
    return await present(service, sorted(page_id for page_id, _, _ in matches.listed))


def _certain(service: Service, found: _Found) -> _Found:
    """What was found, unless that is nothing while the database cannot be read, which may know of more."""
    if not found and service.live.in_memory and service.live.stale:
        raise DatabaseUnavailable("nothing is found in memory, and the database of hashes cannot be read")
    return found


async def present(service: Service, page_ids: Sequence[int]) -> list[Facts]:
    """Those of the pages that are files now; raises ReplicaUnavailable rather than leave one out."""
    known = await service.gather(files.facts, page_ids) if page_ids else {}
    found = []
    for page_id in page_ids:
        file = known[page_id]
        if not isinstance(file, Facts):
            raise file
        if not files.is_deleted(service, file):
            found.append(file)
    return found


def _on_commons(service: Service, names: Collection[str]) -> dict[str, Facts]:
    """Commons files by name; a service of folders knows of none."""
    try:
        return files.named(service, names)
    except NoReplica:
        if is_of_folders(service):
            return {}
        raise


def _name(title: str) -> str:
    try:
        return titles.normalise(title)
    except ValueError as error:
        raise BadInput(str(error)) from error


@contextmanager
def _searching(service: Service) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        if service.live.loaded:
            raise DatabaseUnavailable(f"{error}: ask for a smaller tolerance, or for less") from error
        raise IndexLoading(
            f"the index is loading, and {error}: ask again soon, or for equal hashes (closest: 0)"
        ) from error
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(unreadable("the database of hashes", error)) from error
