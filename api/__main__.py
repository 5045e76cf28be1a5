"""``imagehash-api COMMAND``; what the commands do is in `api.commands`."""

import sys
from collections.abc import Sequence
from importlib import import_module

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    try:
        # It takes seconds to load, in which Ctrl-C is no reason for a trace either.
        code: int = import_module("api.commands").run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


if __name__ == "__main__":
    sys.exit(main())
