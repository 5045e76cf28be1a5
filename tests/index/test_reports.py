from commons.pictures import Reason
from index import folder, reports
from index.ledger import MOST_FAILURES, Failure, Ledger
from sql.database import Database


def test_a_run_over_a_folder() -> None:
    failures = [folder.Failure("a.jpg", Reason.EMPTY, "The file is empty.")]
    report = folder.Report(1234, 2, 3, 4, 5, failures, {"below": "Permission denied"})
    assert reports.of_folder(report) == [
        "1,234 hashed",
        "2 unchanged",
        "1 could not be hashed",
        "3 could not be hashed before and have not changed",
        "4 gone, marked as deleted",
        "5 passed over, not JPEG, PNG, WebP, TIFF or GIF by name",
        "Could not be hashed:",
        "  a.jpg: The file is empty. (empty)",
        "Could not be read; what was known there is kept:",
        "  below: Permission denied",
    ]
    assert reports.of_folder(folder.Report(0, 0, 0, 0, 0, [], {})) == ["0 hashed"]


def test_a_run_over_a_wiki(database: Database) -> None:
    ledger = Ledger(database)
    assert reports.of_crawl(ledger) == ["0 files looked at", "0 hashed"]
    ledger.seen, ledger.hashed, ledger.gone, ledger.back = 5678, 1234, {3, 4}, {5}
    ledger.reasons.update({Reason.NOT_FOUND: 1, Reason.BROKEN: 1000})
    ledger.failures.append(Failure("A.jpg", Reason.NOT_FOUND, "The server answered 404 Not Found."))
    assert reports.of_crawl(ledger) == [
        "5,678 files looked at",
        "1,234 hashed",
        "1,001 could not be hashed",
        "2 gone, marked as deleted",
        "1 there again, no longer marked as deleted",
        "Could not be hashed:",
        "  broken: 1,000",
        "  not-found: 1",
        "  A.jpg: The server answered 404 Not Found. (not-found)",
        "  … and 1,000 more",
    ]


def test_all_failures_are_told_where_there_are_few(database: Database) -> None:
    ledger = Ledger(database)
    ledger.reasons[Reason.BROKEN] = MOST_FAILURES
    ledger.failures += [Failure(f"{number}.jpg", Reason.BROKEN, "") for number in range(MOST_FAILURES)]
    lines = reports.of_crawl(ledger)
    assert lines[-1].startswith(f"  {MOST_FAILURES - 1}.jpg: ")
    assert not [line for line in lines if "more" in line]
