import multiprocessing
from datetime import UTC, datetime

from sql import local_files, results
from sql.database import Database
from sql.local_files import NEW, Known, LocalFile
from sql.results import Result

NAMES = ["a.jpg", "A.jpg", "a b.jpg", "a_b.jpg", "ä.jpg", "\udcff.jpg", "new\nline.jpg", "🦆.jpg", "%.jpg"]


def file(path: str, page_id: int = NEW, size: int = 1, sha1: str | None = "a" * 40) -> LocalFile:
    return LocalFile(page_id, f"/p/{path}", path, size, 1_700_000_000_123_456_789, sha1)


def save(database: Database, *files: LocalFile) -> list[int]:
    with database.lock("local_file"), database.write() as connection:
        return local_files.save(connection, files)


def known(database: Database, folder: str) -> dict[str, Known]:
    with database.read() as connection:
        return local_files.known(connection, folder)


def test_files_get_ids_below_zero_and_keep_them(database: Database) -> None:
    assert save(database) == []
    with database.read() as connection:
        assert not local_files.any_known(connection)
    assert save(database, file("x"), file("y")) == [-1, -2]
    assert save(database, file("z"), file("x", -1, 9, None)) == [-3, -1]
    with database.read() as connection:
        assert local_files.of_pages(connection, [-1, -3, -4, 5]) == {
            -1: file("x", -1, 9, None),
            -3: file("z", -3),
        }
        assert local_files.any_known(connection)


def test_names_are_bytes(database: Database) -> None:
    pages = save(database, *map(file, NAMES))
    assert known(database, "/p").keys() == {f"/p/{name}" for name in NAMES}
    with database.read() as connection:
        assert local_files.by_titles(connection, NAMES) == dict(zip(NAMES, pages, strict=True))
        assert local_files.by_titles(connection, ["\ud800.jpg", "b.jpg", ""]) == {}


def test_a_folder_is_what_lies_below_it(database: Database) -> None:
    save(
        database,
        *(
            LocalFile(NEW, path, path, 1, 1, None)
            for path in ("/p", "/p/a", "/p/b/c", "/p0", "/p.jpg", "/q/p/a")
        ),
    )
    assert known(database, "/p").keys() == known(database, "/p/").keys() == {"/p/a", "/p/b/c"}
    assert len(known(database, "/")) == 6
    assert known(database, "/nowhere") == {}


def test_what_came_of_a_file(database: Database) -> None:
    later = datetime(2030, 1, 1, tzinfo=UTC)
    pages = save(database, file("hashed"), file("broken"), file("slow"), file("gone"), file("back"))
    with database.write() as connection:
        results.save(
            connection,
            [
                Result(pages[0], "a", "", phash=1, dhash=1),
                Result(pages[1], "a", "", reason="broken"),
                Result(pages[2], "a", "", reason="timeout", next_try=later),
            ],
        )
        results.bury(connection, {-4: "gone", -5: "back", 1: "Commons.jpg"}, deleted=True)
        results.bury(connection, {-5: "back"}, deleted=False)
    expected = {
        "/p/hashed": Known(file("hashed", -1), False, None, False),
        "/p/broken": Known(file("broken", -2), True, None, False),
        "/p/slow": Known(file("slow", -3), True, later, False),
        "/p/gone": Known(file("gone", -4), False, None, True),
        "/p/back": Known(file("back", -5), False, None, False),
    }
    assert expected == known(database, "/p")
    with database.read() as connection:
        assert local_files.at(connection, [*expected, "/p/other"]) == expected
        assert local_files.at(connection, []) == {}


def test_a_title_that_two_folders_share(database: Database) -> None:
    one, two = LocalFile(NEW, "/p/x", "x", 1, 1, None), LocalFile(NEW, "/q/x", "x", 1, 1, None)
    save(database, one)
    save(database, two)
    with database.read() as connection:
        assert local_files.by_titles(connection, ["x"]) == {"x": -1}


def add_many(arguments: tuple[str, str]) -> list[int]:
    url, name = arguments
    database = Database(url)
    pages = [page for n in range(25) for page in save(database, file(f"{name}{n}"), file(f"{name}{n}'"))]
    database.close()
    return pages


def test_processes_hand_out_different_ids(database: Database, database_url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        one, two = processes.map(add_many, [(database_url, "one"), (database_url, "two")])
    assert sorted(one + two) == list(range(-100, 0))
    assert {file.file.page_id for file in known(database, "/p").values()} == {*one, *two}
