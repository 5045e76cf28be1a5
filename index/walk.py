"""A walk through a folder: which pictures lie there now."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from commons.pictures import SUFFIXES


class Walk(NamedTuple):
    """What was met: pictures by absolute path, and folders (or files) that could not be read, by reason."""

    pictures: dict[str, os.stat_result]
    unreadable: dict[str, str]
    others: int

    def may_hold(self, path: str) -> bool:
        """Whether a file that was not met may be there all the same, where something could not be read."""
        return any(path == place or path.startswith(place + os.sep) for place in self.unreadable)


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
                continue
            try:
                status = os.stat(path)  # noqa: PTH116
            except FileNotFoundError:
                continue  # a link to nothing, or gone since its folder was read
            except OSError as error:
                note(error)
            else:
                if stat.S_ISREG(status.st_mode):
                    met.pictures[path] = status
    return met._replace(others=others)
