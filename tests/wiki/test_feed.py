from pathlib import Path
from typing import Any

from tests.waiting import wait_for
from tests.wiki.feed import Feed
from tests.wiki.wiki import Wiki


def test_each_change_is_told(wiki: Wiki, photos: Path) -> None:
    wiki.upload({"Heard.jpg": photos / "commons100" / "puffin.jpg"})
    wiki.replace({"Heard.jpg": photos / "commons100" / "mural.jpg"})
    wiki.move("Heard.jpg", "Overheard.jpg")
    wiki.delete("Overheard.jpg")
    wiki.restore("Overheard.jpg")
    wiki.edit("Overheard.jpg", "A new text")

    def heard() -> list[dict[str, Any]]:
        return [change for change in wiki.feed.changes if change["title"].lower().endswith("heard.jpg")]

    wait_for(lambda: len(heard()) == 6)
    changes = heard()
    assert [(change["type"], change.get("log_action"), change["title"]) for change in changes] == [
        ("log", "upload", "File:Heard.jpg"),
        ("log", "overwrite", "File:Heard.jpg"),
        ("log", "move", "File:Heard.jpg"),
        ("log", "delete", "File:Overheard.jpg"),
        ("log", "restore", "File:Overheard.jpg"),
        ("edit", None, "File:Overheard.jpg"),
    ]
    assert changes[2]["log_params"]["target"] == "File:Overheard.jpg"
    assert {change["namespace"] for change in changes} == {6}


def test_each_feed_has_an_address_of_its_own() -> None:
    one, other = Feed(), Feed()
    assert one.uri != other.uri
    one.close()
    other.close()
