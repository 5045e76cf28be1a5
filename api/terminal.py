"""``imagehash-api search PICTURE``: the answer for people at a terminal."""

import sys
import time
from pathlib import Path

from api import files, lookups
from api.errors import Refusal
from api.files import Facts
from api.service import Service
from api.snapshots import Snapshots
from bktree.protocol import Tolerance
from commons.hashes import format_hex, low_information
from commons.pictures import hash_picture
from commons.progress import Progress


def search(service: Service, picture: Path, tolerance: Tolerance, first: int) -> int:
    """Print the files near a picture; returns how many there are.

    Raises OSError and Unhashable for the picture, and a Refusal where the database cannot answer.
    """
    hashes = hash_picture(picture.read_bytes()).hashes
    found = lookups.near(service, *hashes, tolerance, first=first)
    known = files.facts(service, [page_id for page_id, _, _ in found.listed])
    lines = [f"phash {format_hex(hashes.phash)}  dhash {format_hex(hashes.dhash)}"]
    if low_information(*hashes):
        lines.append("The picture is so plain that its hashes say little: matches may look different.")
    if found.listed:
        lines.append("phash  dhash  file")
    for page_id, phash, dhash in found.listed:
        lines.append(f"{phash:5}  {dhash:5}  {_name(service, page_id, known[page_id])}")
    lines.append(_summary(found.total, len(found.listed), truncated=found.truncated))
    sys.stdout.write("\n".join(lines).encode(errors="backslashreplace").decode() + "\n")
    return found.total


def snapshot(snapshots: Snapshots, engine: str) -> None:
    """Write a snapshot, and print how far it is and what it came to. Raises as `Snapshots.make` does."""
    begun, bar, counted = time.monotonic(), None, 0

    def progress(done: int, expected: int) -> None:
        nonlocal bar, counted
        bar = bar or Progress(expected, "reading", "rows")
        bar.advance(done - counted)
        counted = done

    try:
        made = snapshots.make(engine, progress)
    finally:
        if bar is not None:
            bar.close()
    size = sum(file.stat().st_size for file in made.path.iterdir())
    told = f"{made.files:,} files for the engine {made.engine}, {size / 1e6:,.1f} MB"
    sys.stdout.write(f"{made.path}: {told}, in {time.monotonic() - begun:.1f} s\n")


def _name(service: Service, page_id: int, file: Facts | Refusal) -> str:
    if isinstance(file, Refusal):
        return f"page {page_id}"
    return (file.title or f"page {page_id}") + (" (deleted)" if files.is_deleted(service, file) else "")


def _summary(total: int, listed: int, *, truncated: bool) -> str:
    files_found = f"{'at least ' if truncated else ''}{total:,} {'file' if total == 1 else 'files'}"
    return f"{files_found} within the tolerance" + (f", {listed} shown" if listed < total else "")
