import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from bktree import frozen, tables
from bktree.chunks import CHUNKS, TABLES, WIDTHS
from bktree.frozen import Frozen, for_tables
from bktree.kernel import DHASH, PHASH, Pair
from bktree.tables import ENTRY_BITS, OUTLINE_BITS, beside_bits, block_bits, offsets_of, widths_of
from tests.bktree.conftest import COMPILED, chunks_of, collection, collections, order_of


def in_order(files: Frozen, kind: int) -> NDArray[np.uint64]:
    """The hashes of a kind by their places."""
    return files.hashes[DHASH][order_of(files)] if kind == DHASH else files.hashes[PHASH]


def begins_of(files: Frozen, table: int) -> NDArray[np.uint32]:
    """Where the buckets of a table begin, and how many files there are."""
    return offsets_of(files.tables, table)[: (1 << files.tables.widths[table]) + 1]


def assert_each_file_is_in_its_bucket(files: Frozen) -> None:
    for table in range(TABLES):
        kind, chunk = divmod(table, CHUNKS)
        width = int(files.tables.widths[table])
        numbers = chunks_of(in_order(files, kind), chunk, width)
        ends = np.cumsum(np.bincount(numbers, minlength=1 << width))
        assert (begins_of(files, table) == [0, *ends]).all()
        # Places by their bucket, and in ascending order in each.
        places = np.argsort(numbers, kind="stable")
        if chunk:
            listed = files.tables.places[(CHUNKS - 1) * kind + chunk - 1].astype(np.int64)
            beside = beside_bits(len(numbers), int(files.tables.widths[CHUNKS * kind]))
            told = listed >> (ENTRY_BITS - beside)
            assert (listed - (told << (ENTRY_BITS - beside)) == places).all()
            # The lowest bits of the first chunk.
            assert (told == chunks_of(in_order(files, kind), 0, beside)[places]).all()
        else:
            assert (places == np.arange(len(numbers))).all()


@settings(deadline=None, max_examples=60 if COMPILED else 10)
@given(files=collections)
def test_every_table_has_each_file_in_its_bucket_in_the_order_of_the_kind(
    files: tuple[NDArray[np.int64], Pair],
) -> None:
    made = for_tables(*files)

    assert_each_file_is_in_its_bucket(made)
    assert sorted(order_of(made)) == list(range(len(files[0])))
    assert len(made.tables.offsets) == sum((1 << width) + 1 for width in made.tables.widths.tolist())


@pytest.mark.skipif(not COMPILED, reason="plain Python takes too long over so many buckets")
def test_tables_of_full_width_have_bit_63_in_the_first_chunk_of_dhash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (frozen, tables):
        monkeypatch.setattr(module, "widths_of", lambda _: list(WIDTHS))

    files = for_tables(*collection(1, 1000, 100_000, 64))

    assert_each_file_is_in_its_bucket(files)
    with_bit_63 = int((files.hashes[DHASH] >> np.uint64(63)).sum())
    assert begins_of(files, CHUNKS)[1 << 21] == 1000 - with_bit_63
    assert 400 < with_bit_63 < 600


def assert_outlines_tell_what_blocks_have_in_common(files: Frozen) -> None:
    size = 1 << block_bits(len(files.page_id))
    for kind in (PHASH, DHASH):
        width = int(files.tables.widths[CHUNKS * kind])
        chunks = chunks_of(in_order(files, kind), 0, width)
        firsts, lasts = (
            chunks[::size],
            np.append(chunks[size - 1 :: size], chunks[-1:])[: len(chunks[::size])],
        )
        outlines = files.tables.outlines[kind].astype(np.int64)
        low, known = (outlines & ((1 << OUTLINE_BITS) - 1)) - OUTLINE_BITS, outlines >> OUTLINE_BITS
        assert (known >> low == firsts >> low).all()
        assert (known >> low == lasts >> low).all()
        # They differ in the next bit, if that is not beside the places.
        beside = beside_bits(len(chunks), width)
        apart = low > beside
        assert (low >= beside).all()
        assert ((firsts[apart] ^ lasts[apart]) >> (low[apart] - 1) == 1).all()
        # So no first chunk is nearer to any other than its outline tells.
        low, known = np.repeat(low, size)[: len(chunks)], np.repeat(known, size)[: len(chunks)]
        for home in np.random.default_rng(width).integers(0, 1 << width, 10):
            assert (np.bitwise_count((known ^ home) >> low) <= np.bitwise_count(chunks ^ home)).all()


@settings(deadline=None, max_examples=60 if COMPILED else 15)
@given(files=collections)
def test_outlines_tell_what_the_first_chunks_of_a_block_have_in_common(
    files: tuple[NDArray[np.int64], Pair],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not COMPILED:
            patch.setattr(tables, "BLOCKS_BITS", 3)
        assert_outlines_tell_what_blocks_have_in_common(for_tables(*files))


@pytest.mark.skipif(not COMPILED, reason="plain Python takes too long")
@pytest.mark.parametrize(("count", "bits"), [(2**16 - 1, 0), (2**16, 1), (150_001, 2)])
def test_outlines_of_many_files_are_of_more_than_one_place(count: int, bits: int) -> None:
    files = for_tables(*collection(1, count, 100_000, 64))

    assert block_bits(count) == bits
    assert files.tables.outlines.shape == (2, -(-count >> bits))
    assert_outlines_tell_what_blocks_have_in_common(files)


def test_no_files_make_empty_buckets() -> None:
    files = for_tables(*collection(1, 0, 1, 64))

    assert files.tables.places.shape == (4, 0)
    assert files.tables.outlines.shape == (2, 0)
    assert [begins_of(files, table).tolist() for table in range(TABLES)] == [[0, 0, 0]] * TABLES


def test_a_bucket_has_4_to_8_files_until_chunks_are_as_wide_as_they_get() -> None:
    for files in (8, 9, 15, 16, 1000, 2**20 - 1, 2**20, 2**24 - 1):
        widths = widths_of(files)
        # The first chunk of dhash has a bit more than the others.
        assert widths.pop(CHUNKS) == widths[0] + 1
        assert all(4 <= files / (1 << width) < 8 for width in widths)
    assert widths_of(0) == widths_of(7) == [1] * TABLES
    assert widths_of(14_000_000) == widths_of(2**32 - 1) == list(WIDTHS) == [21, 21, 21, 22, 21, 21]
