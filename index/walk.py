"""A walk through a folder: which pictures lie there now."""

import os
from pathlib import Path
from typing import NamedTuple

from commons.pictures import SUFFIXES


class Walk(NamedTuple):
    """What was met: pictures by absolute path, and folders that could not be read, by reason."""

    pictures: dict[str, os.stat_result]
    unreadable: dict[str, str]
    others: int

    def may_hold(self, path: str) -> bool:
        """Whether a file that was not met may be there all the same, in a folder that could not be read."""
        return any(path.startswith(folder + os.sep) for folder in self.unreadable)


def walk(folder: str) -> Walk:
    """Meet every file below a folder (an absolute path), in the order of their names.

    Links to files are followed, links to folders are not, lest the walk go in circles.
    """
    met = Walk({}, {}, 0)

    def note(error: OSError) -> None:
        met.unreadable[str(error.filename)] = error.strerror or str(error)

    others = 0
    for parent, folders, names in os.walk(folder, onerror=note):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(parent, name)  # noqa: PTH118  (a Path for each of a million files is slow)
            if Path(name).suffix.lower() not in SUFFIXES:
                others += 1
            elif (stat := _stat_of_file(path)) is not None:
                met.pictures[path] = stat
    return met._replace(others=others)


def _stat_of_file(path: str) -> os.stat_result | None:
    """None for what is no file, or has gone since its folder was read."""
    try:
        stat = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return stat if os.path.isfile(path) else None  # noqa: PTH113
