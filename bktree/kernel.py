"""How search kernels are compiled by numba, and the small kernels that all engines share.

With ``NUMBA_DISABLE_JIT=1`` every kernel runs as plain Python instead, slowly and to the same result.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from bktree.protocol import BITS

Function = TypeVar("Function", bound=Callable[..., Any])

Pair = tuple[NDArray[np.uint64], NDArray[np.uint64]]
"""A column of phash and one of dhash."""

Query = tuple[np.uint64, np.uint64]
"""A phash and a dhash."""

PHASH, DHASH = 0, 1
"""The kinds of hash, and where each is in a pair of both."""

KERNELS: list[Callable[..., Any]] = []
"""Every compiled function of the package."""


def kernel(function: Function) -> Function:
    """Compile on first use, without the GIL, into a cache on disk (``NUMBA_CACHE_DIR``)."""
    compiled = numba.njit(nogil=True, cache=True)(function)
    KERNELS.append(compiled)
    return cast("Function", compiled)


def hamming(a: np.uint64, b: np.uint64) -> int:
    """How many of their 64 bits two hashes differ in."""
    return (int(a) ^ int(b)).bit_count()


def _xor_popcount(_context: Any, a: Any, b: Any) -> Any:
    def emit(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        # LLVM turns ctpop into the machine's own instruction, over whole vectors in a loop.
        return builder.ctpop(builder.xor(*arguments))

    return types.int64(a, b), emit


_popcount: Any = intrinsic(_xor_popcount)


def _compiled_hamming(a: Any, b: Any) -> Callable[[Any, Any], Any] | None:
    if a != types.uint64 or b != types.uint64:
        return None

    def compiled(a: Any, b: Any) -> Any:
        return _popcount(a, b)

    return compiled


overload(hamming)(_compiled_hamming)


def prefetch(array: NDArray[np.generic], place: int) -> None:
    """Have an entry of an array on its way from memory before it is needed; its place is not checked."""


def _touch(_context: Any, array: Any, place: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(builder.gep(data, [arguments[1]]), pointer)
        declared = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = _function(builder.module, declared, "llvm.prefetch.p0i8")
        to_read, to_keep, of_data = number(0), number(3), number(1)
        builder.call(function, [address, to_read, to_keep, of_data])
        return context.get_dummy_value()

    return types.void(array, place), emit


_function: Any = cgutils.get_or_insert_function
_prefetch: Any = intrinsic(_touch)


overload(prefetch)(lambda array, place: lambda array, place: _prefetch(array, place))  # noqa: ARG005, PLW0108


@kernel
def signed(number: np.integer[Any] | int) -> int:
    """An integer as int64. Numba makes a float of a sum of a signed and an unsigned one."""
    return int(np.int64(number))


@kernel
def mixed(key: int) -> int:
    """Scatter the bits of an int64, for use in a hash table (Knuth, TAOCP 3, 6.4)."""
    # int() as numpy's integers, unlike compiled and Python's own ones, warn when they wrap.
    return (int(key) * 0x1E3779B97F4A7C15) >> 20


@kernel
def nearest(hashes: NDArray[np.uint64], query: np.uint64) -> int:
    """The smallest distance of any of the hashes from the query; more than 64 if there are none."""
    # Looking at all, where the first within reach would do, is what lets LLVM use whole vectors; so
    # does an index that can be seen not to be negative.
    smallest = BITS + 1
    for place in range(len(hashes)):
        smallest = min(smallest, hamming(hashes[place], query))
    return smallest


@kernel
def packed(row: int, near: int, far: int, kind: int) -> int:
    """A match as one int64: its row << 16 | phash distance << 8 | dhash distance.

    ``near`` is the distance of the hash of this kind, ``far`` that of the other.
    """
    distances = near << 8 | far if kind == PHASH else far << 8 | near
    return int(row) << 16 | distances


@kernel
def longer(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Copy an array into the first half of one twice as long."""
    twice = np.empty(2 * len(found), np.int64)
    twice[: len(found)] = found
    return twice
