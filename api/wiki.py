"""Where the wiki is: addresses that all others of files, thumbnails and pages are made from."""

import asyncio
import logging

from anyio import to_thread

from commons import sites
from commons.fetching import Unfetchable
from commons.settings import Settings

AGAIN = 30.0
"""Seconds until a wiki that did not answer is asked again."""

logger = logging.getLogger(__name__)


class Wiki:
    """Knows the addresses of Commons, and those of another wiki once ``ask`` was answered."""

    def __init__(self, settings: Settings) -> None:
        self._api = settings.wiki_api
        self._agent = settings.user_agent
        self.site = sites.known(self._api)

    async def ask(self) -> None:
        """Ask until it is told; the log says why it is not."""
        before = ""
        while self.site is None:
            try:
                self.site = await to_thread.run_sync(
                    sites.told, self._api, self._agent, abandon_on_cancel=True
                )
            except Unfetchable as failure:
                if str(failure) != before:
                    logger.warning("the addresses of the wiki are not known: %s", failure)
                before = str(failure)
                await asyncio.sleep(AGAIN)
            except ValueError as error:
                logger.warning("the addresses of the wiki cannot be known: %s", error)
                return
