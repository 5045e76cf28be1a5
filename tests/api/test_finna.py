import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagehash
import pytest
from PIL import Image

from api import finna as records
from api.decoders import Decoders
from api.errors import BadInput, Busy, NotAvailableHere, Refusal, UnhashablePicture, UpstreamFailed
from api.finna import Records
from commons.finna import AT_ONCE
from commons.hashes import format_hex
from commons.settings import Settings
from tests.commons.serving import Request
from tests.finna import Finna


def run(settings: Settings, scene: Callable[[Records], Awaitable[Any]]) -> Any:
    """Play a scene with records of the Finna in the settings."""

    async def whole() -> Any:
        decoders = Decoders()
        asked = Records(settings, decoders)
        try:
            return await scene(asked)
        finally:
            asked.close()
            decoders.close()

    return asyncio.run(whole())


def asking(record_id: str) -> Callable[[Records], Awaitable[Any]]:
    return lambda asked: asked.record(record_id)


def refusal(settings: Settings, scene: Callable[[Records], Awaitable[Any]]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        run(settings, scene)
    return refused.value


def test_a_picture_has_the_hashes_of_imagehash(
    settings_with_finna: Settings, finna: Finna, photos: Path
) -> None:
    path = photos / "commons100" / "mural.jpg"
    finna.records["museum.1"] = [path]

    async def scene(asked: Records) -> None:
        record = await asked.record("museum.1")
        assert record is not None
        (picture,) = record.pictures
        assert not asked.are_kept(picture.url)
        hashes = await asked.hashes(picture.url)
        with Image.open(path) as image:
            assert format_hex(hashes.phash) == str(imagehash.phash(image))
        assert asked.are_kept(picture.url)
        assert await asked.hashes(picture.url) == hashes

    run(settings_with_finna, scene)
    assert finna.asked("/Cover/") == 1


def test_what_is_no_picture_is_not_fetched_again(
    settings_with_finna: Settings, finna: Finna, photos: Path
) -> None:
    finna.records["museum.1"] = [photos / "formats" / "truncated_jpeg.jpg"]

    async def scene(asked: Records) -> None:
        record = await asked.record("museum.1")
        assert record is not None
        for _ in range(2):
            with pytest.raises(UnhashablePicture, match="file is truncated"):
                await asked.hashes(record.pictures[0].url)

    run(settings_with_finna, scene)
    assert finna.asked("/Cover/") == 1


def test_trouble_is_told_and_when_to_ask_again(settings_with_finna: Settings, finna: Finna) -> None:
    finna.trouble["id=busy"] = lambda request: request.answer(429, Retry_After="120")
    finna.trouble["id=broken"] = lambda request: request.answer(500)
    finna.trouble["id=secret"] = lambda request: request.answer(403)
    found = {name: refusal(settings_with_finna, asking(name)) for name in ("busy", "broken", "secret")}
    assert {type(refused) for refused in found.values()} == {UpstreamFailed}
    assert {name: refused.retry_after for name, refused in found.items()} == {
        "busy": 120,
        "broken": 30,
        "secret": None,
    }
    assert str(found["secret"]) == "Finna does not let this service read that."


def test_what_cannot_be_an_id_is_bad_input(settings_with_finna: Settings, finna: Finna) -> None:
    for record_id in ("", "a\r\nHost: elsewhere", "x" * 256):
        assert isinstance(refusal(settings_with_finna, asking(record_id)), BadInput)
    assert not finna.server.requests


def test_without_a_contact_finna_is_not_asked(settings: Settings) -> None:
    refused = refusal(replace(settings, user_agent=None), asking("museum.1"))
    assert isinstance(refused, NotAvailableHere)
    assert "IMAGEHASH_USER_AGENT" in str(refused)


def test_few_pictures_are_fetched_at_once_and_not_many_wait(
    settings_with_finna: Settings, finna: Finna, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST_WAITING", 6)
    picture = (photos / "commons100" / "mural.jpg").read_bytes()
    at_once, most = 0, 0

    def slow(request: Request) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        while not released.is_set():
            released.wait(0.1)
        at_once -= 1
        request.answer(200, picture)

    released = threading.Event()
    finna.trouble["/Cover/"] = slow

    async def scene(asked: Records) -> None:
        waiting = [asyncio.create_task(asked.hashes(f"{finna.url}/Cover/{n}")) for n in range(6)]
        while most < AT_ONCE:
            await asyncio.sleep(0.05)
        with pytest.raises(Busy):
            await asked.hashes(f"{finna.url}/Cover/7")
        released.set()
        assert len(await asyncio.gather(*waiting)) == 6

    run(settings_with_finna, scene)
    assert most == AT_ONCE
