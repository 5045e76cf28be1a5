"""What runs came to, for people."""

from collections.abc import Iterable

from index.folder import Report
from index.ledger import Ledger


def of_folder(report: Report) -> list[str]:
    """The lines that tell of a run over a folder."""
    counts = [
        (report.hashed, "hashed"),
        (report.unchanged, "unchanged"),
        (len(report.failures), "could not be hashed"),
        (report.failed_before, "could not be hashed before and have not changed"),
        (report.gone, "gone, marked as deleted"),
        (report.others, "passed over, not JPEG, PNG, WebP, TIFF or GIF by name"),
    ]
    lines = _counted(counts)
    failures = [f"  {failure.title}: {failure.detail} ({failure.reason})" for failure in report.failures]
    if failures:
        lines += ["Could not be hashed:", *failures]
    if report.unreadable:
        lines += ["Could not be read; what was known there is kept:"]
        lines += [f"  {folder}: {reason}" for folder, reason in report.unreadable.items()]
    return lines


def of_crawl(ledger: Ledger) -> list[str]:
    """The lines that tell of a run over a wiki, as far as it came."""
    failed = ledger.reasons.total()
    counts = [
        (ledger.hashed, "hashed"),
        (failed, "could not be hashed"),
        (len(ledger.gone), "gone, marked as deleted"),
        (len(ledger.back), "there again, no longer marked as deleted"),
    ]
    lines = [f"{ledger.seen:,} files looked at", *_counted(counts)]
    if failed:
        lines += ["Could not be hashed:"]
        lines += [f"  {reason}: {files:,}" for reason, files in sorted(ledger.reasons.items())]
        lines += [f"  {failure.name}: {failure.detail} ({failure.reason})" for failure in ledger.failures]
    if failed > len(ledger.failures):
        lines += [f"  … and {failed - len(ledger.failures):,} more"]
    return lines


def _counted(counts: Iterable[tuple[int, str]]) -> list[str]:
    return [f"{files:,} {what}" for files, what in counts if files or what == "hashed"]
