"""Whether what is compared answers alike, before any of it is timed."""

import json
import urllib.request
from collections.abc import Sequence
from typing import Any

from benchmarks.agreement import DisagreementError


def check(url: str, requests: Sequence[str], others: Sequence[str]) -> int:
    """Compare the answers to requests with those to others, one by one; gives back how many there were.

    Raises DisagreementError.
    """
    for request, other in zip(requests, others, strict=True):
        answers = [_answer(url, each) for each in (request, other)]
        if answers[0] != answers[1]:
            raise DisagreementError(f"{request} is answered by {answers[0]}, {other} by {answers[1]}"[:2000])
    return len(requests)


def _answer(url: str, request: str) -> Any:
    path, _, body = request.partition("\t")
    headers = {"Content-Type": "application/json"} if body else {}
    asked = urllib.request.Request(url + path, body.encode() or None, headers)  # noqa: S310  (ours)
    with urllib.request.urlopen(asked) as response:  # noqa: S310
        answer = json.load(response)
    if isinstance(answer, dict):
        if "errors" in answer:
            raise DisagreementError(f"{request} is answered by {answer['errors']}"[:2000])
        return answer["data"]
    return answer
