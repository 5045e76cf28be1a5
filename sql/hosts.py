"""Hosts as a wiki's link table has them: their parts reversed, each with a dot, in Unicode.

See https://www.mediawiki.org/wiki/Manual:Externallinks_table, and RFC 3490 for international names.
"""

import re

_LONGEST = 253
"""Characters, by RFC 1035."""

_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_ADDRESS = re.compile(r"(?:v4\.)?([0-9]{1,3}(?:\.[0-9]{1,3}){3})")


def readings(text: str) -> list[str]:
    """What the table has for a host that is written plainly, ``finna.fi``, or reversed, ``fi.finna``.

    Nothing tells one from the other, so it is read both ways. International names may be in Unicode or in
    Punycode. Whatever begins as one of the readings is the host, with any port, or a host below it.
    Raises ValueError for what is no host of two parts or more, and where more than a host is given.
    """
    host = plain(text)
    if address := _ADDRESS.fullmatch(host):
        return [f"V4.{address[1]}."]
    parts = host.split(".")
    # The table keeps Punycode where it cannot decode it.
    spellings = [_decoded(part) for part in parts], parts
    ways = (".".join(way) for spelling in spellings for way in (spelling[::-1], spelling))
    return [f"{way}." for way in dict.fromkeys(ways)]


def plain(text: str) -> str:
    """The host in ASCII and small letters, without a dot at the end; raises ValueError as `readings` does."""
    given = text.strip().lower().removesuffix(".")
    try:
        # The codec takes time that grows with the square of the length.
        host = given.encode("idna").decode() if len(given) <= _LONGEST else ""
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host):
        raise ValueError(
            f"{text[:100]!r} is no host: give one such as finna.fi, or fi.finna as the link table has it, "
            "without protocol, port or path"
        )
    return host


def _decoded(part: str) -> str:
    if not part.startswith("xn--"):
        return part
    try:
        decoded = part.removeprefix("xn--").encode().decode("punycode")
        decoded.encode()
    except UnicodeError:
        return part
    return decoded
