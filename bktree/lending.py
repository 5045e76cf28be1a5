"""Arrays lent to kernels by their addresses.

Numba takes some 75 ns for each array that Python hands to a kernel, and then counts references to each of
them wherever one kernel calls another: a third of a quick search, which is handed some 40 of them. So
their addresses are put into one array beforehand, and the kernel makes of those what they are of. Nothing
counts on what is lent: the lender keeps all of it until it is given back.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic, overload
from numba.np import arrayobj

Lent = Any
"""An array of int64: the address and shape of each array, and each number. To plain Python, all as it was."""


# Numba tells no types of these.
_type_of: Any = numba.typeof
_config: Any = config
_item: Any = cgutils.gep_inbounds
_tuple: Any = types.BaseTuple
_populate: Any = arrayobj.populate_array


def lent(parts: Any, like: Any) -> Lent:
    """Lend nested tuples of arrays and whole numbers, as long as none of them is moved.

    Raises TypeError unless all is of the same types as in ``like``, down to the layout of the arrays:
    what borrows would take any address for what it expects.
    """
    given, expected = _type_of(parts), _type_of(like)
    if given != expected:
        raise TypeError(f"{expected} is lent, not {given}")
    return parts if _config.DISABLE_JIT else np.array(list(_words(parts)), np.int64)


def _words(part: Any) -> Iterator[int]:
    if isinstance(part, tuple):
        for each in part:
            yield from _words(each)
    elif isinstance(part, np.ndarray):
        yield part.__array_interface__["data"][0]
        yield from part.shape
    else:
        yield part


def borrower(like: Any) -> Callable[[Lent], Any]:
    """Make a function for kernels that gives back what was lent, of the same types as ``like``."""
    whole = _type_of(like)

    def typed(_context: Any, words: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
            places = iter(range(_length(whole)))
            return _made(context, builder, whole, lambda: _loaded(builder, data, next(places)))

        return whole(words), emit

    def borrowed(lent: Lent) -> Any:
        return lent

    made: Any = intrinsic(typed)
    overload(borrowed)(lambda lent: lambda lent: made(lent))  # noqa: ARG005, PLW0108
    return borrowed


def _length(part: Any) -> int:
    """How many words something is lent by."""
    if isinstance(part, _tuple):
        return sum(map(_length, part))
    return 1 + part.ndim if isinstance(part, types.Array) else 1


def _loaded(builder: Any, data: Any, place: int) -> Any:
    return builder.load(_item(builder, data, place))


def _made(context: Any, builder: Any, part: Any, word: Callable[[], Any]) -> Any:
    """Build something of this type of the next words."""
    if isinstance(part, _tuple):
        return context.make_tuple(builder, part, [_made(context, builder, each, word) for each in part])
    return _array(context, builder, part, word) if isinstance(part, types.Array) else word()


def _array(context: Any, builder: Any, part: Any, word: Callable[[], Any]) -> Any:
    array = context.make_array(part)(context, builder)
    data = builder.inttoptr(word(), array.data.type)
    shape = [word() for _ in range(part.ndim)]
    itemsize = ir.Constant(ir.IntType(64), context.get_abi_sizeof(context.get_data_type(part.dtype)))
    strides = [itemsize]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    _populate(array, data=data, shape=shape, strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()
