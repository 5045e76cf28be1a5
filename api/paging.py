"""Pages of a listing: how many entries, and a cursor that says after which.

A cursor holds the position (distance sum, page id) of an entry and a digest of the question, so that it
stays good while files come and go, and in every worker process.
"""

import base64
import binascii
import hashlib
import struct
from typing import Any

from api.errors import BadInput

LARGEST_PAGE = 100
"""Entries of a listing in one answer."""

_FORM = struct.Struct(">Bq8s")


def check_first(first: int | None, default: int) -> int:
    """The number of entries asked for; raises BadInput outside 0 to 100."""
    if first is None:
        return default
    if not 0 <= first <= LARGEST_PAGE:
        raise BadInput(
            f"first is {first}; ask for 0 to {LARGEST_PAGE} at a time, and for the rest with after"
        )
    return first


def encode(distance: int, page_id: int, *question: Any) -> str:
    """The cursor of an entry in the answer to a question."""
    return base64.urlsafe_b64encode(_FORM.pack(distance, page_id, _digest(question))).decode().rstrip("=")


def decode(cursor: str, *question: Any) -> tuple[int, int]:
    """The position that a cursor stands for; raises BadInput where it is of another question, or none."""
    try:
        packed = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        distance, page_id, digest = _FORM.unpack(packed)
    except (binascii.Error, struct.error, ValueError) as error:
        raise BadInput(f"{cursor[:100]!r} is no cursor: take one from an earlier answer") from error
    if digest != _digest(question):
        raise BadInput("the cursor is of another query: page on with the same arguments")
    return distance, page_id


def _digest(question: tuple[Any, ...]) -> bytes:
    return hashlib.sha256(repr(question).encode()).digest()[:8]
