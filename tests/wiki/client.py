"""The wiki's ``api.php`` (https://www.mediawiki.org/wiki/API:Main_page), as an administrator uses it."""

import json
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

Parameter = str | int | None

_SECONDS = 60


class Client:
    """Asks ``api.php`` at an address, and acts through it once logged in.

    A parameter that is None is left out. Raises RuntimeError where the wiki refuses.
    """

    def __init__(self, api: str) -> None:
        self.api = api
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def log_in(self, user: str, password: str) -> None:
        """Log in for all that follows."""
        account: dict[str, Parameter] = {
            "lgname": user,
            "lgpassword": password,
            "lgtoken": self._token("login"),
        }
        answer = self._send("login", account, post=True)
        if answer["login"]["result"] != "Success":
            raise RuntimeError(f"the wiki refuses the log-in: {answer['login']}")

    def ask(self, **parameters: Parameter) -> Any:
        """What ``action=query`` answers."""
        return self._send("query", parameters)["query"]

    def act(self, action: str, **parameters: Parameter) -> Any:
        """Change something."""
        return self._send(action, parameters | {"token": self._token("csrf")}, post=True)[action]

    def _token(self, kind: str) -> str:
        token: str = self.ask(meta="tokens", type=kind)["tokens"][f"{kind}token"]
        return token

    def _send(self, action: str, parameters: dict[str, Parameter], *, post: bool = False) -> Any:
        given: dict[str, Parameter] = {"action": action, "format": "json", "formatversion": 2}
        given |= parameters
        body = urlencode({name: value for name, value in given.items() if value is not None})
        url, data = (self.api, body.encode()) if post else (f"{self.api}?{body}", None)
        with self._opener.open(url, data, timeout=_SECONDS) as response:
            answer = json.load(response)
        if "error" in answer:
            raise RuntimeError(f"the wiki refuses {action}: {answer['error']['info']}")
        return answer
