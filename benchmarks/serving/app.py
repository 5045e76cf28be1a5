"""The service as users have it, with what it is compared with in the same process, by the same stack.

``/constant`` is GraphQL by `constant`, ``/old/pagesearch`` is `old`.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from api.app import create_app
from api.graphql import Endpoint
from api.schema import made
from api.service import Service
from benchmarks.serving import constant, old
from commons.settings import Settings


def create() -> ASGIApp:
    """Make the application, with settings from the environment, and requests counted but not limited."""
    settings = replace(Settings.from_environment(), rate_limit="1000000000/minute")
    return create_app(settings, more=_routes)


def _routes(service: Service) -> Sequence[BaseRoute]:
    return [
        Route("/constant", Endpoint(service, made(constant.Query))),
        Route("/old/pagesearch", partial(old.page_search, service)),
    ]
