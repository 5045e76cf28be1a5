"""Compile the search kernels ahead of the first request: ``python -m bktree``."""

import sys
from time import perf_counter

from bktree.engines import compile_kernels


def main() -> None:
    """Fill numba's cache and say so."""
    start = perf_counter()
    count = compile_kernels()
    sys.stdout.write(f"{count} search kernels ready after {perf_counter() - start:.1f} s\n")


if __name__ == "__main__":
    main()
