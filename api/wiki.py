"""Where the wiki's files are: an address that all others of files and thumbnails begin with."""

import asyncio
import logging

from anyio import to_thread

from commons import uploads
from commons.fetching import Unfetchable
from commons.settings import Settings

AGAIN = 30.0
"""Seconds until a wiki that did not answer is asked again."""

logger = logging.getLogger(__name__)


class Wiki:
    """Knows where Commons has its files, and where another wiki has them once ``ask`` was answered."""

    def __init__(self, settings: Settings) -> None:
        self._api = settings.wiki_api
        self._agent = settings.user_agent
        self.files = uploads.known(self._api)

    async def ask(self) -> None:
        """Ask until it is told; the log says why it is not."""
        before = ""
        while self.files is None:
            try:
                self.files = await to_thread.run_sync(
                    uploads.told, self._api, self._agent, abandon_on_cancel=True
                )
            except Unfetchable as failure:
                if str(failure) != before:
                    logger.warning("the addresses of files are not known: %s", failure)
                before = str(failure)
                await asyncio.sleep(AGAIN)
            except ValueError as error:
                logger.warning("the addresses of files cannot be known: %s", error)
                return
